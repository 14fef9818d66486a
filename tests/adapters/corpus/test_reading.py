"""Documents of five kinds, and what is said of those that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from adapters.corpus.document import CorpusError, Document, part_title
from adapters.corpus.reading import corpus_sha256, read_corpus

WritePdf = Callable[..., Path]


def one_of(path: Path) -> Document:
    (document,) = read_corpus(path)
    return document


def refusal_of(path: Path) -> str:
    with pytest.raises(CorpusError) as refused:
        list(read_corpus(path))
    message = str(refused.value)
    assert "\n" not in message
    return message


class TestFolder:
    def test_every_kind_is_read_under_its_path(self, handbook: Path) -> None:
        documents = list(read_corpus(handbook))
        assert [(document.id, document.title) for document in documents] == [
            ("faq-1", "Opening hours"), ("guides/refunds.md", "Refunds"), ("parcels.html", "Parcels"),
            ("routers.txt", "Routers"),
        ]  # fmt: skip
        assert documents[0].place == "faq.jsonl:1"
        assert documents[3].text == "Hold the reset button of the router for ten seconds."

    def test_hidden_files_are_passed_over_and_other_types_named(self, handbook: Path) -> None:
        (handbook / ".git").mkdir()
        (handbook / ".git" / "notes.txt").write_text("not this")
        (handbook / "logo.png").write_bytes(b"\x89PNG")
        told: list[str] = []
        assert len(list(read_corpus(handbook, told.append))) == 4
        assert told == ["Passed over, of another type: logo.png."]

    def test_an_id_that_comes_twice(self, handbook: Path) -> None:
        (handbook / "more.jsonl").write_text('{"id": "faq-1", "text": "Another text."}\n')
        assert "'faq-1' is there twice: faq.jsonl:1 and more.jsonl:1" in refusal_of(handbook)

    def test_nothing_to_read(self, tmp_path: Path) -> None:
        assert "no documents" in refusal_of(tmp_path)
        assert "no such file" in refusal_of(tmp_path / "absent")
        (tmp_path / "empty.txt").write_text(" \n")
        assert "holds no text" in refusal_of(tmp_path)
        (tmp_path / "table.xlsx").write_bytes(b"PK")
        assert "unknown file type '.xlsx'" in refusal_of(tmp_path / "table.xlsx")

    def test_the_hash_follows_names_and_bytes_not_the_place(self, handbook: Path, tmp_path: Path) -> None:
        before = corpus_sha256(handbook)
        assert corpus_sha256(handbook.rename(tmp_path / "moved")) == before
        (tmp_path / "moved" / "routers.txt").write_text("Routers\n\nPull the plug.\n")
        assert corpus_sha256(tmp_path / "moved") != before


class TestJsonl:
    def test_ids_titles_and_other_names_of_columns(self, tmp_path: Path) -> None:
        path = tmp_path / "docs.jsonl"
        path.write_text(
            '{"_id": 7, "Title": "Fees", "BODY": "Three euros."}\n\n{"content": "Opening hours\\nNine to five."}\n'
        )
        assert list(read_corpus(path)) == [
            Document("7", "Fees", "Three euros.", "docs.jsonl:1"),
            Document("docs.jsonl:3", "Opening hours", "Nine to five.", "docs.jsonl:3"),
        ]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b'{"id": "a"}', "line 2: no text; expected one document a line"),
            (b'{"text": "  "}', "line 2, column 'text': no value"),
            (b'{"text": ["a"]}', "line 2, column 'text': list; expected text"),
            (b'["a"]', "line 2: list; expected one document a line"),
            (b"{text}", "line 2: not JSON"),
            (b'{"text": "caf\xe9"}', "line 2: not UTF-8"),
            (b'{"text": "half \\ud83d"}', "line 2, column 'text': half of a surrogate pair"),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, line: bytes, said: str) -> None:
        (tmp_path / "docs.jsonl").write_bytes(b'{"text": "fine"}\n' + line + b"\n")
        assert said in refusal_of(tmp_path / "docs.jsonl")


class TestText:
    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("Refunds\nMoney goes back.", "Refunds"),
            ("Money goes back.\nIt takes a week.", ""),
            ("Only one line", ""),
            ("x" * 200 + "\nlong first line", ""),
        ],
    )
    def test_a_short_first_line_is_the_title(self, text: str, title: str) -> None:
        assert part_title(text) == (title, text.removeprefix(title).strip())

    def test_other_encodings_are_refused_with_the_line(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes("one\ntwo\ncafé".encode("latin-1"))
        assert "a.txt, line 3: not UTF-8" in refusal_of(tmp_path / "a.txt")

    def test_a_yaml_header_gives_the_title_and_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("---\ntitle: Fees\ntags: [money]\n---\nThree euros.\n")
        document = one_of(tmp_path / "a.md")
        assert (document.title, document.text.strip()) == ("Fees", "Three euros.")

    def test_a_rule_at_the_top_is_no_header(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("---\n\nFirst.\n\n---\n\nSecond.\n")
        assert "First." in one_of(tmp_path / "a.md").text


class TestHtml:
    def test_the_pages_own_text_with_its_headings(self, tmp_path: Path) -> None:
        (tmp_path / "a.html").write_bytes(
            "<html><head><meta charset='iso-8859-1'><title>Caf\u00e9</title><style>p {}</style></head><body>"
            "<header>Menu</header><article><h2>Prices</h2><p>A <a href='/x'>coffee</a> is 2_50 *now*.</p>"
            "<ul><li>Tea</li></ul><script>track()</script></article><footer>Imprint</footer></body></html>".encode(
                "iso-8859-1"
            )
        )
        document = one_of(tmp_path / "a.html")
        assert document.title == "Café"
        assert "## Prices" in document.text
        assert "A coffee is 2_50 *now*." in document.text
        assert not any(word in document.text for word in ("Menu", "Imprint", "track", "/x", "p {}"))

    def test_a_page_that_scripts_write(self, tmp_path: Path) -> None:
        (tmp_path / "a.html").write_text("<html><body><div id='app'></div><script>go()</script></body></html>")
        assert "a.html holds no text" in refusal_of(tmp_path / "a.html")


class TestPdf:
    def test_a_document_a_page(self, write_pdf: WritePdf) -> None:
        documents = list(read_corpus(write_pdf("report.pdf", ["Revenue rose.", "Costs fell."], "Report 2024")))
        assert documents == [
            Document("report.pdf#page=1", "Report 2024", "Revenue rose.", "report.pdf, page 1"),
            Document("report.pdf#page=2", "Report 2024", "Costs fell.", "report.pdf, page 2"),
        ]

    def test_one_without_text_asks_for_ocr(self, write_pdf: WritePdf) -> None:
        message = refusal_of(write_pdf("scan.pdf", ["", ""]))
        assert message == (
            "scan.pdf has no text in its 2 pages: it is probably a scan. Run OCR on it first (ocrmypdf, say), or leave "
            "it out."
        )

    def test_pages_without_text_are_left_out_and_counted(self, write_pdf: WritePdf) -> None:
        told: list[str] = []
        documents = list(read_corpus(write_pdf("mixed.pdf", ["", "Costs fell.", ""]), told.append))
        assert [document.id for document in documents] == ["mixed.pdf#page=2"]
        assert documents[0].title == "mixed"
        assert told == ["mixed.pdf: 2 of 3 pages hold no text (scans?) and are left out."]

    def test_one_with_a_password(self, write_pdf: WritePdf) -> None:
        path = write_pdf("secret.pdf", ["Costs fell."])
        writer = PdfWriter(PdfReader(path))
        writer.encrypt("key", algorithm="RC4-128")
        writer.write(path)
        assert "secret.pdf is protected by a password" in refusal_of(path)

    @pytest.mark.parametrize("content", [b"", b"not a pdf", b"%PDF-1.4\n1 0 obj\n<< /Type"])
    def test_a_broken_one(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "broken.pdf").write_bytes(content)
        assert "broken.pdf cannot be read as PDF" in refusal_of(tmp_path / "broken.pdf")

    def test_one_cut_off_anywhere_breaks_nothing(self, write_pdf: WritePdf, tmp_path: Path) -> None:
        whole = write_pdf("whole.pdf", ["Revenue rose."]).read_bytes()
        for end in range(10, len(whole), 40):
            (tmp_path / "cut.pdf").write_bytes(whole[:end])
            # pypdf mends some of them; the others end in our own error, which pytest would show otherwise.
            with suppress(CorpusError):
                list(read_corpus(tmp_path / "cut.pdf"))
