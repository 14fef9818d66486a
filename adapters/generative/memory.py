"""Batches that shrink when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

Row = TypeVar("Row")
Done = TypeVar("Done")

TOLD: Final = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")
"""How torch's allocators say it where they raise a plain RuntimeError."""


class DoesNotFit(RuntimeError):
    """One row alone needs more memory than there is."""


class Batches:
    """Works through rows in batches of `size`; out of memory halves it, for good."""

    def __init__(self, size: int) -> None:
        self.size = size

    def work(self, rows: Sequence[Row], do: Callable[[Sequence[Row]], Sequence[Done]]) -> list[Done | DoesNotFit]:
        """What `do` makes of each row, in order; a row that does not fit alone gives its DoesNotFit."""
        done: list[Done | DoesNotFit] = []
        while len(done) < len(rows):
            batch = rows[len(done) : len(done) + self.size]
            try:
                done += do(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(batch) > 1:
                    self.size = len(batch) // 2
                else:
                    done.append(DoesNotFit(str(error)))
            else:
                continue
            # Outside the handler: the error holds every tensor of the frames that it went through.
            release()
        return done


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the GPU or in the machine."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(told in str(error).lower() for told in TOLD)


def release() -> None:
    """Gives memory that nobody uses back to the GPU."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
