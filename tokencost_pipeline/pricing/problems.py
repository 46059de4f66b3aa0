"""Everything wrong with one file, told at once: whoever mends it wants the whole list, not its first line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tokencost_pipeline.errors import UserError

MOST_TOLD = 20


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend. `hint` says what to write instead."""

    line: int
    message: str
    hint: str


class Problems:
    """Collects what is wrong with `path`; `raise_if_any` turns it into one UserError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: set[Problem] = set()

    def add(self, line: int, message: str, hint: str) -> None:
        self.found.add(Problem(line, message, hint))

    def raise_if_any(self) -> None:
        """Raise UserError for the first `MOST_TOLD` problems in the order of their lines.

        The first problem is the error's message, place and hint; the others follow in the hint, each under
        its own `file:line`.
        """
        if not self.found:
            return
        first, *others = sorted(self.found)
        told = [f"{self.place(p.line)}: {p.message}\n  {p.hint}" for p in others[: MOST_TOLD - 1]]
        untold = len(others) - len(told)
        if untold:
            told.append(f"… and {untold} more")
        raise UserError(first.message, place=self.place(first.line), hint="\n".join([first.hint, *told]))

    def place(self, line: int) -> str:
        """`file:line`, the file as short as the current folder allows."""
        return f"{shown(self.path)}:{line}"


def shown(path: Path) -> str:
    """`path` relative to the current folder where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
