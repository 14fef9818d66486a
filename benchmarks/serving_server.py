"""The service, and beside it in the same process an endpoint of the same framework that does nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from service.app import create_app
from service.settings import Settings

NOTHING = "/nothing"


def main(folder: str, port: str) -> None:
    """Serve both on loopback, as `advisor serve` does, until a signal says to stop."""
    ours = create_app(Settings(data_folder=Path(folder), requests_per_minute=int(os.environ["PER_MINUTE"])))
    bare = FastAPI()

    @bare.post(NOTHING)
    async def do_nothing() -> dict[str, str]:
        return {}

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (bare if scope.get("path") == NOTHING else ours)(scope, receive, send)

    uvicorn.run(both, host="127.0.0.1", port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
