"""`advisor serve`: the API on this machine."""

from __future__ import annotations

import uvicorn

from service.app import create_app
from service.settings import load_settings


def run_serve(host: str, port: int) -> None:
    settings = load_settings(host=host, port=port)
    print("Open to everyone on this machine: there is no access control yet.")
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port)
