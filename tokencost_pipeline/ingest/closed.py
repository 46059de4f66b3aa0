"""What the retention of attempts has closed, as the manifest keeps it: see `tokencost_pipeline.retention`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


@dataclass(frozen=True)
class ArchivedRows:
    """One Parquet file of closed rows of a mart."""

    file: str  # relative to landing/
    rows: int


@dataclass(frozen=True)
class Retention:
    """The watermark and what follows from it. It never moves back."""

    closed_before: datetime  # events before it are closed: their rollups stand
    last_day: date  # the last closed day, as days were cut when it was closed
    closed_on: date  # the day on which that was done, UTC
    archive: Mapping[str, tuple[ArchivedRows, ...]]  # mart -> its closed rows, oldest first
    purged: frozenset[str]  # files of batches that are read no more, relative to landing/; their entries stay
    removing: frozenset[str]  # those of them that may still be there

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "closed_before": self.closed_before.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "last_day": self.last_day.isoformat(),
            "closed_on": self.closed_on.isoformat(),
            "archive": {
                mart: [{"file": one.file, "rows": one.rows} for one in files]
                for mart, files in sorted(self.archive.items())
            },
            "purged": sorted(self.purged),
            "removing": sorted(self.removing),
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Retention:
        """Raises KeyError, TypeError or ValueError for what `to_json` has not made."""
        return cls(
            datetime.fromisoformat(entry["closed_before"]),
            date.fromisoformat(entry["last_day"]),
            date.fromisoformat(entry["closed_on"]),
            {
                mart: tuple(ArchivedRows(one["file"], one["rows"]) for one in files)
                for mart, files in entry["archive"].items()
            },
            frozenset(entry["purged"]),
            frozenset(entry["removing"]),
        )
