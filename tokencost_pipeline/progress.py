"""What a run is doing, for who watches it in a terminal: one bar, fed by whatever works in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

MEGABYTE = 1_000_000


@dataclass
class Bar:
    """One line on a terminal."""

    progress: Progress

    def __post_init__(self) -> None:
        self._task = self.progress.add_task("starting", total=None, detail="")

    def phase(self, what: str) -> None:
        self.progress.reset(self._task, description=what, total=None, start=True, detail="")

    def bytes_done(self, path: str, done: int, total: int) -> None:
        detail = f"{done / MEGABYTE:,.1f} of {total / MEGABYTE:,.1f} MB"
        self.progress.update(
            self._task, description=f"reading {path}", completed=done, total=max(total, 1), detail=detail
        )


_shown: list[Bar] = []


@contextmanager
def progress_on(console: Console) -> Iterator[None]:
    """Show a bar on `console` while the block runs; nothing where it is no terminal."""
    if not console.is_terminal:
        yield
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(24),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        _shown.append(Bar(progress))
        try:
            yield
        finally:
            _shown.pop()


def phase(what: str) -> None:
    """Say what begins now."""
    for bar in _shown:
        bar.phase(what)


def bytes_done(path: str, done: int, total: int) -> None:
    """Say how far reading is: bytes done of bytes in all, and the file below raw/."""
    for bar in _shown:
        bar.bytes_done(path, done, total)
