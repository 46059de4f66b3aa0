"""The Markdown face: pages to text that is readable raw, on GitHub and in any viewer."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from tokencost_pipeline.reports import numbers
from tokencost_pipeline.reports.model import Column, Figure, Page, Row, Table
from tokencost_pipeline.reports.text import MAX_TEXT, label

TEMPLATES = Path(__file__).parent / "templates"
_LEFT = {"name", "request", "text", "instant", "clock", "day", "badge"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
# An underscore between letters can't start emphasis, and a colon between them no emoji or address, so that
# `support_bot` and `qwen2.5-coder:32b` stay readable in the raw file.
_SPECIAL = re.compile(
    r"[&<>|\\`*{}\[\]#!~$]|(?<![^\W_])_|_(?![^\W_])|(?<![^\W_]):(?=\w)|:(?=/)|(?<=www)\.", re.IGNORECASE
)


class Md(str):
    """Text that is Markdown already. Everything else is escaped on its way into a page."""

    __slots__ = ()


def escape(text: str) -> Md:
    """`text` as Markdown that shows exactly it: no HTML, link, emphasis, heading, cell border or formula."""
    return Md(_SPECIAL.sub(lambda match: _ENTITIES.get(match[0], "\\" + match[0]), text))


def relative(target: str, page: str) -> str:
    """The link from page `page` to file `target`, both relative to the Markdown folder."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


class MarkdownFace:
    """Renders pages. `common` are values every template sees (as_of, zone, is_sample, navigation, ...)."""

    def __init__(self, zone: ZoneInfo, common: Mapping[str, Any]) -> None:
        self._zone = zone
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            undefined=jinja2.StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.globals.update(common)
        for kind in (
            "money",
            "optional_money",
            "count",
            "share",
            "latency",
            "rate",
            "instant",
            "clock",
            "day",
            "name",
            "text",
            "flag",
        ):
            self._environment.filters[kind] = partial(self._cell, kind)
        self._environment.filters["counted"] = lambda number, *names: Md(numbers.counted(number, *names))
        self._environment.filters["age"] = lambda milliseconds: Md(numbers.age(milliseconds))
        self._environment.filters["change"] = lambda now, before: Md(numbers.change(now, before))

    def render(self, page: Page) -> str:
        """The page as Markdown text."""
        template = self._environment.get_template(f"{page.template}.md.j2")
        text = template.render(
            page=page,
            table=lambda table: self._table(table, page),
            figure=lambda name: _figure(page.figures[name], page),
            link=lambda text, target: _link(text, target, page),
            **page.values,
        )
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

    def _table(self, table: Table, page: Page) -> Md:
        if not table.rows:
            return Md(table.empty)
        lines = [
            _line([column.title for column in table.columns]),
            _line([":---" if column.kind in _LEFT else "---:" for column in table.columns]),
        ]
        lines += [
            _line([self._row_cell(column, row, page) for column in table.columns])
            for row in table.rows[: table.markdown_rows]
        ]
        if table.total:
            total = table.total
            cells = [self._cell(c.kind, total[c.key]) if c.key in total else "" for c in table.columns]
            lines.append(_line([f"**{cell}**" if cell else "" for cell in cells]))
        if table.csv:
            lines += ["", f"[CSV]({relative(f'../csv/{table.csv}.csv', page.path)})"]
        return Md("\n".join(lines))

    def _row_cell(self, column: Column, row: Row, page: Page) -> str:
        shown = self._cell(column.kind, row[column.key])
        target = row[column.link] if column.link else None
        return shown if target is None else f"[{shown}]({relative(target + '.md', page.path)})"

    def _cell(self, kind: str, value: Any) -> Md:
        match kind:
            case "name" | "request":
                return escape(label(value))
            case "text":
                return Md(numbers.NOTHING) if value is None else escape(label(str(value), MAX_TEXT))
            case "instant":
                return Md(numbers.instant(value, self._zone))
            case "clock":
                return Md(numbers.clock(value, self._zone))
            case "badge":
                return Md(f"**{value}**")
        return Md(numbers.BY_KIND[kind](value))


def _finalize(value: Any) -> str:
    if isinstance(value, Md):
        return value
    if isinstance(value, str):
        return escape(value)
    raise TypeError(f"a template shows a {type(value).__name__}: give it a filter that says how")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _link(text: str, target: str, page: Page) -> Md:
    shown = text if isinstance(text, Md) else escape(text)
    return Md(f"[{shown}]({relative(target + '.md', page.path)})")


def _figure(figure: Figure, page: Page) -> Md:
    dark, light = (relative(f"charts/{figure.name}-{theme}.svg", page.path) for theme in ("dark", "light"))
    return Md(
        "<picture>\n"
        f'  <source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
        f'  <img alt="{html.escape(figure.alt)}" src="{light}">\n'
        "</picture>"
    )
