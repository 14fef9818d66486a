"""Small documents of every kind, made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


def _pdf(pages: Sequence[str], title: str = "") -> bytes:
    """A PDF with one line of text a page; an empty one has a page without text, like a scan."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else "0 0 10 10 re f"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects.append(f"<< /Title ({title}) >>")
    written, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    start = len(written)
    return (
        written
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}\nstartxref\n{start}\n%%EOF".encode()
    )


@pytest.fixture
def write_pdf(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, pages: Sequence[str], title: str = "") -> Path:
        path = tmp_path / name
        path.write_bytes(_pdf(pages, title))
        return path

    return write


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """A folder with Markdown, text, HTML and JSONL about different things."""
    folder = tmp_path / "handbook"
    (folder / "guides").mkdir(parents=True)
    (folder / "guides" / "refunds.md").write_text(
        "# Refunds\n\nMoney goes back to the card that paid.\n\n"
        "## Annual plans\n\nAn annual plan is refunded within 14 days of the purchase.\n\n"
        "## Gift cards\n\nGift cards are never refunded.\n"
    )
    (folder / "routers.txt").write_text("Routers\n\nHold the reset button of the router for ten seconds.\n")
    (folder / "parcels.html").write_text(
        "<html><head><title>Parcels</title></head><body><nav>Home</nav><main><h1>Parcels</h1>"
        "<p>The courier tries to deliver a parcel three times.</p></main></body></html>"
    )
    (folder / "faq.jsonl").write_text(
        '{"id": "faq-1", "title": "Opening hours", "text": "The shop opens at nine on weekdays."}\n'
    )
    return folder
