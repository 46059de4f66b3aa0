"""The book and the installed catalogues together, opened only when something is asked that nobody asked before.

To open them takes 1.5 s for genai-prices, 0.5 s for litellm's map and 0.2 s for the book, so answers are remembered for
as long as the book, the catalogues' versions, this folder's code and the UTC day are the same.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.catalogues import SOURCES, Catalogue, load_catalogue
from tokencost_pipeline.pricing.memory import Memory
from tokencost_pipeline.pricing.read_book import load_price_book
from tokencost_pipeline.settings import Settings

INSTALL = ".venv/bin/pip install '.[catalogues]'"


@dataclass(frozen=True)
class PriceSources:
    """What prices are known on the UTC day of `now`. `names` are the catalogues to look for, in order of trust."""

    settings: Settings
    now: datetime
    names: Sequence[str] = SOURCES
    _opened: list[tuple[Catalogue | None, str, str]] = field(default_factory=list, compare=False, repr=False)

    @cached_property
    def installed(self) -> dict[str, str]:
        """Versions of the installed catalogues by name. Cheap: none of them is imported."""
        found = {}
        for name in self.names:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return found

    @property
    def day_begins(self) -> datetime:
        """Midnight UTC: catalogues know days, and one day has to give one answer."""
        return self.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def day_ends(self) -> datetime:
        """The last second of the day: a price of ours that begins at 16:00 is no older than a catalogue's of today."""
        return self.day_begins + timedelta(days=1, seconds=-1)

    @property
    def book_path(self) -> Path:
        from tokencost_pipeline.pricing.land import (
            PRICE_BOOK,  # brings pyarrow, which a cold `stats` would wait for
        )

        return self.settings.pricing_dir / PRICE_BOOK

    @cached_property
    def book(self) -> PriceBook:
        """The book in the folder. Raises UserError where it is missing or has a mistake."""
        return load_price_book(self.book_path)

    @property
    def catalogues(self) -> list[Catalogue]:
        """The installed ones that can be read."""
        return [catalogue for catalogue, _, _ in self._open() if catalogue is not None]

    @property
    def unreadable(self) -> dict[str, str]:
        """Why an installed catalogue cannot be read, by name."""
        return {name: reason for _, name, reason in self._open() if reason}

    @cached_property
    def memory(self) -> Memory:
        key = {
            "book": sha256(self.book_path.read_bytes()).hexdigest() if self.book_path.is_file() else "",
            "catalogues": self.installed,
            "looked_for": list(self.names),
            "day": f"{self.day_begins:%Y-%m-%d}",
            "code": _code(),
        }
        return Memory(self.settings.data_dir / "price_answers.json", key)

    def _open(self) -> list[tuple[Catalogue | None, str, str]]:
        if not self._opened:
            self._opened.extend(self._read(name) for name in self.installed)
        return self._opened

    def _read(self, name: str) -> tuple[Catalogue | None, str, str]:
        try:
            return load_catalogue(name, self.day_begins), name, ""
        except Exception as error:  # somebody else's package in a shape of its own must not stop a run
            return None, name, f"{type(error).__name__}: {error}"


@cache
def _code() -> str:
    """A digest of this folder: an answer of older code is no answer."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
