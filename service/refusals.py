"""Turns what the user can put right into one clear line and an exit code; everything else stays a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

BAD_INPUT, AUDIT_BLOCKS, REQUIREMENT_NOT_MET, STOPPED = 2, 3, 4, 130


class Refusal(Exception):
    """A command cannot go on; the message is one line that says what, where, and what to do."""

    def __init__(self, message: str, code: int = BAD_INPUT) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def one_line_refusals() -> Iterator[None]:
    """Around a command: known refusals are printed on standard error and become the exit code."""
    try:
        yield
    except KeyboardInterrupt:
        _end("Stopped. Finished trials are kept: the same command goes on from here.", STOPPED)
    except Exception as error:
        code = _code_of(error)
        if code is None:
            raise
        _end(f"advisor: {' '.join(str(error).split())}", code)


def is_refusal(error: Exception) -> bool:
    """Whether the message is one that the user can act on."""
    return _code_of(error) is not None


def _code_of(error: Exception) -> int | None:
    if isinstance(error, Refusal):
        return error.code
    # Imported only now: --help must not pay for them, and after an error they are loaded already.
    from adapters.corpus.document import CorpusError
    from adapters.encoder.embedding import EncoderError
    from adapters.generative.endpoint import EndpointError
    from adapters.generative.weights import WeightsError
    from adapters.model_file import ModelFileError
    from evaluation.audit import AuditBlocked
    from evaluation.fairness import UnfairComparison
    from evaluation.readers import DatasetError
    from rules.form import FormError
    from service.errors import AdvisorError

    if isinstance(error, AuditBlocked):
        return AUDIT_BLOCKS
    refused = (
        CorpusError, DatasetError, EncoderError, EndpointError, FormError, ModelFileError, AdvisorError,
        UnfairComparison, WeightsError,
    )  # fmt: skip
    return BAD_INPUT if isinstance(error, refused) else None


def _end(line: str, code: int) -> None:
    typer.echo(line, err=True)
    raise typer.Exit(code)
