"""Errors a user can act on: they name the place to mend and say what to write instead."""

from __future__ import annotations


class UserError(Exception):
    """Bad usage or bad input. The command line prints it and exits with 2.

    `place` is "file" or "file:line" where the mending is done, `hint` says what to write instead.
    """

    def __init__(self, message: str, *, place: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.place = place
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.place}: {self.message}" if self.place else self.message
        return f"{head}\n  {self.hint}" if self.hint else head


class CheckFailed(UserError):
    """A model or a test failed: nothing the caller typed is wrong. The command line exits with 1."""


class Busy(UserError):
    """Another process holds the pipeline's lock or the warehouse file."""
