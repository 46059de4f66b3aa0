"""Which Parquet files the exports have now, told apart by their content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.shards.lines import RELATIONS
from tokencost_pipeline.warehouse.exports import read_current

REST = 0
"""The number of everything that lies in no day."""
_EPOCH = date(1970, 1, 1).toordinal()
_LAST = 65_535  # numbers are written in 16 bits: up to the year 2149
_NAMED_AFTER_CONTENT = re.compile(r"\.[0-9a-f]{16}\.parquet\Z")


@dataclass(frozen=True)
class Part:
    """One file of a relation: its path below the exports, a name that no other content has, and the number of its
    day."""

    relation: str
    path: str
    key: str
    day: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def current_parts(exports: Path, relations: tuple[str, ...] = RELATIONS) -> tuple[Part, ...]:
    """The files of `relations` in the current generation. Raises UserError when nothing was exported yet."""
    current = read_current(exports)
    if current is None:
        raise UserError("nothing has been exported yet", hint="run `tokencost run` first")
    found = []
    for relation in relations:
        labels = {file: label for label, file in current.get("parts", {}).get(relation, {}).items()}
        for path in current["relations"].get(relation, ()):
            name = path.rpartition("/")[2]
            found.append(Part(relation, path, _key(exports, path, name), number_of(labels.get(name, ""))))
    return tuple(found)


def by_day(parts: tuple[Part, ...]) -> dict[int, tuple[Part, ...]]:
    """Number of a day -> its files, both in order."""
    found: dict[int, list[Part]] = {}
    for part in sorted(parts, key=lambda it: (it.day, it.relation, it.key)):
        found.setdefault(part.day, []).append(part)
    return {number: tuple(mine) for number, mine in found.items()}


def number_of(label: str) -> int:
    """Days from 1970-01-01 to the day that a part's label names; REST for what names none, or none that fits."""
    try:
        number = date.fromisoformat(label).toordinal() - _EPOCH
    except ValueError:
        return REST
    return number if 0 < number <= _LAST else REST


def label_of(number: int) -> str:
    """The day as YYYY-MM-DD."""
    return "rest" if number == REST else date.fromordinal(number + _EPOCH).isoformat()


def _key(exports: Path, path: str, name: str) -> str:
    if _NAMED_AFTER_CONTENT.search(name):
        return name
    return f"{Path(name).stem}.{sha256((exports / path).read_bytes()).hexdigest()[:16]}.parquet"
