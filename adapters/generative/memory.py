"""Memory while a model works: batches that shrink when it runs out, and how much was taken."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from pathlib import Path
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


class Peak:
    """The most memory taken since it was made, in bytes: on a GPU by torch, else of this process at most."""

    def __init__(self) -> None:
        pages = Path("/proc/self/statm")
        self._before = int(pages.read_text().split()[1]) * resource.getpagesize() if pages.is_file() else 0

    def taken(self) -> int:
        """On a processor: its highest ever, which it may have had before, less what it had when this was made."""
        import torch

        if torch.cuda.is_available():
            return int(torch.cuda.max_memory_allocated())
        return max(0, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._before)


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


def in_words(count: float) -> str:
    """1_234_567_890 -> '1.2 GB'; millions below a tenth of that."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.0f} MB"
