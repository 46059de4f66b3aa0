"""Examples of how numbers and names are shown. The same file is read by the test of the browser's scripts, so the page
that Python writes and the page that a filter redraws cannot differ.

`python tests/unit/reports/site_vectors.py` writes tests/data/site/number_vectors.json anew.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sample_exports import NASTY

from tokencost_pipeline.reports import csvs, exact_json, numbers
from tokencost_pipeline.reports.model import CsvFile
from tokencost_pipeline.reports.text import MAX_TEXT, label

PATH = Path(__file__).parents[2] / "data" / "site" / "number_vectors.json"
UNIT = Decimal("1e-15")
Vectors = dict[str, list[tuple[Any, str]]]


def usd(units: int | None) -> Decimal | None:
    """Units of 1e-15 USD as the Decimal the marts have."""
    return None if units is None else Decimal(units).scaleb(-15)


def amounts() -> list[int | None]:
    draw = random.Random(7)
    edges = [
        10**15,
        999_950_000_000_000,
        9_999_500_000_000,
        10**9,
        500_000_000,
        1_500_000_000,
        10**12,
        10**13,
    ]
    near = [edge + step for edge in edges for step in (-1, 0, 1)]
    halves = [
        int(Decimal(text) * 10**15) for text in ("1.005", "1.015", "2.125", "0.01005", "0.01015", "1234.565")
    ]
    wild = [draw.randrange(10 ** draw.randrange(1, 24)) for _ in range(60)]
    found = [0, 1, 400_000_000, *near, *halves, *wild, 10**37]
    return [None, *found, *(-amount for amount in found if amount)]


def vectors() -> Vectors:
    """Kind -> (what goes in, as JSON, and the text that comes out). Money goes in as a text of units."""
    draw = random.Random(8)
    pairs = [(draw.randrange(-(10**16), 10**16), draw.randrange(1, 10**16)) for _ in range(30)]
    pairs += [
        (1, 2000),
        (1, 1999),
        (1, 2001),
        (3, 2000),
        (0, 7),
        (7, 7),
        (-1, 3000),
        (5, 0),
        (10**18, 3),
        (1, 10**18),
    ]
    shares = [(part, whole) for part, whole in pairs if whole > 0] + [(5, 0)]
    waits = [(total, number) for total in (0, 1, 999, 1000, 1005, 59_994, 59_995, 59_999, 60_000, 95_000, 3_599_500)
             for number in (1, 2, 3, 7)] + [(None, 1), (5, 0), (10**12, 1), (1, 2), (3, 2), (5, 2)]  # fmt: skip
    moments = [datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC) + timedelta(hours=7 * step) for step in range(40)]
    moments += [
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2026, 11, 21, 10, 30, 0, 1000, tzinfo=UTC),
    ]
    names = [*NASTY, None, " ", "a" * 48, "a" * 49, "é🚀" * 40, "\u2028", "tab\there", "\x00\x7f", "\ue000", "a\u200db",
             "مرحبا", "\U000e0041", "x" * 299, "x" * 301, "=1+1", "-5", "+5", "-x", " =x",
             "@a", "１", "a,b", 'a"b', "\r"]  # fmt: skip
    return {
        "money": [(_text(units), numbers.money(usd(units))) for units in amounts()],
        "exact": [
            (str(units), exact_json.plain(usd(units) or Decimal(0)))
            for units in amounts()
            if units is not None
        ],
        "count": [
            (value, numbers.count(value)) for value in (None, 0, 7, 999, 1000, 1_234_567, 10**15, -1234)
        ],
        "share": [
            ((str(part), str(whole)), numbers.share(numbers.ratio(part, whole))) for part, whole in shares
        ],
        "change": [
            ((_text(now), _text(before)), numbers.change(usd(now), usd(before)))
            for now, before in [
                *((whole + part, whole) for part, whole in pairs),
                (None, 5),
                (5, None),
                (0, 5),
                (5, 5),
            ]
        ],
        "latency": [
            ((total, number), numbers.latency(numbers.average(total, number))) for total, number in waits
        ],
        "instant": [
            ((int(moment.timestamp() * 1000), zone), numbers.instant(moment, ZoneInfo(zone)))
            for moment in moments
            for zone in ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")
        ],
        "label": [(name, label(name)) for name in names],
        "text": [(name, numbers.NOTHING if name is None else label(name, MAX_TEXT)) for name in names],
        "csv": [(name, csvs.render(CsvFile("x", ("a", "b"), [{"a": name, "b": 1}]))) for name in names],
    }


def as_json() -> str:
    return json.dumps(vectors(), indent=0, ensure_ascii=True) + "\n"


def _text(units: int | None) -> str | None:
    return None if units is None else str(units)


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(as_json(), "ascii")
