"""Reads the site's files without a browser: every tag, link and table as it stands in the HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class ShownTable:
    """A table by its `data-table`: keys of the columns, and the rows as text."""

    keys: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    total: dict[str, str] | None = None


class PageReader(HTMLParser):
    """Everything a page consists of: (tag, attributes), links, tables and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, ShownTable] = {}
        self.words: list[str] = []
        self._table: ShownTable | None = None
        self._part = ""
        self._row: list[str] = []
        self._in_cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        match tag:
            case "table":
                self._table = ShownTable()
                if "data-table" in attributes:
                    self.tables[attributes["data-table"]] = self._table
            case "thead" | "tbody" | "tfoot":
                self._part = tag
            case "tr":
                self._row = []
            case "th" | "td" if self._table is not None:
                self._in_cell = True
                self._row.append("")
                if self._part == "thead" and "data-key" in attributes:
                    self._table.keys.append(attributes["data-key"])

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "th" | "td":
                self._in_cell = False
            case "tr" if self._table is not None and self._part != "thead":
                row = dict(zip(self._table.keys, (cell.strip() for cell in self._row), strict=False))
                if self._part == "tfoot":
                    self._table.total = row
                else:
                    self._table.rows.append(row)
            case "table":
                self._table = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._in_cell:
            self._row[-1] += data


def read_page(path: Path) -> PageReader:
    return PageReader(path.read_text("utf-8"))
