"""CSV files with exact values, in which no cell is a formula."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tokencost_pipeline.reports import exact_json
from tokencost_pipeline.reports.model import CsvFile

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def render(file: CsvFile) -> str:
    """The file's text: a header line, then a line a row; exact decimals, UTC instants, NULL as nothing."""
    lines = _Lines()
    # the writer quotes what holds a character of its line end, and a bare carriage return must be quoted too: else
    # what follows it is a cell of its own for a spreadsheet
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(file.columns)
    for row in file.rows:
        writer.writerow([cell(row[column]) for column in file.columns])
    return "".join(lines)


class _Lines(list[str]):
    def write(self, row: str) -> None:
        self.append(row.removesuffix("\r\n") + "\n")


def cell(value: Any) -> str:
    """One value as CSV text. A text that a spreadsheet would run gets an apostrophe in front (OWASP, CSV
    injection); plain numbers stay as they are."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return exact_json.plain(value)
    if isinstance(value, datetime):
        return exact_json.instant(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if text.lstrip(" ").startswith(_FORMULA_START) and not _PLAIN_NUMBER.fullmatch(text):
        return "'" + text
    return text
