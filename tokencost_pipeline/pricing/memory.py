"""Answers that are dear to find, kept between runs for as long as everything they were made from stays the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from tokencost_pipeline import atomic


class Memory:
    """Plain JSON answers by question in one file, valid for one `key`; under another key nothing is remembered.

    A file that is missing, broken or cannot be written costs time only: answers are found anew.
    """

    def __init__(self, path: Path, key: Mapping[str, Any]) -> None:
        self._path = path
        self._key = dict(key)
        self._answers = self._read()

    def __contains__(self, question: str) -> bool:
        return question in self._answers

    def __getitem__(self, question: str) -> Any:
        return self._answers[question]

    def keep(self, answers: Mapping[str, Any]) -> None:
        """Remember `answers` from now on, in this process and the next ones."""
        if not answers:
            return
        self._answers.update(answers)
        try:
            atomic.write_bytes(self._path, orjson.dumps({"key": self._key, "answers": self._answers}))
        except OSError:  # a data folder that may only be read is no reason to go without a report
            return

    def _read(self) -> dict[str, Any]:
        try:
            kept = orjson.loads(self._path.read_bytes())
            return dict(kept["answers"]) if kept["key"] == self._key else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
