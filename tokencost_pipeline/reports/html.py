"""The HTML face: pages to HTML that works from a file, from any static host and below any path.

Nothing runs in a page but scripts from beside it, and nothing is styled but by the style sheet beside it: what the
Content-Security-Policy of each page says (`content_policy`) and what lets no name out of the data do harm.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup, escape

from tokencost_pipeline.reports import numbers
from tokencost_pipeline.reports.content_policy import CONTENT_SECURITY_POLICY
from tokencost_pipeline.reports.model import Column, Figure, Page, Row, Table
from tokencost_pipeline.reports.text import MAX_TEXT, label

TEMPLATES = Path(__file__).parent / "templates" / "html"
REQUEST_PAGE = "request/index.html"
_RIGHT = {"money", "optional_money", "count", "share", "latency", "rate"}
_OURS = {*_RIGHT, "day", "flag", "instant", "clock"}
"""Kinds whose text is made of figures and words of ours, and needs no escaping."""
_BADGES = {"FREE": "free", "IN FORCE": "free", "ERROR": "error", "WARN": "warn"}
_WORDS = {"name", "text", "request"}
_HEADINGS = {*_WORDS, "day", "instant"}
"""Kinds that, first in a row, say what the row is about."""
_CODE = re.compile(r"`([^`]*)`")


class HtmlFace:
    """Renders pages. `common` are values every template sees (as_of, zone, is_sample, navigation, assets, ...)."""

    def __init__(self, zone: ZoneInfo, common: Mapping[str, Any]) -> None:
        self._zone = zone
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            undefined=jinja2.StrictUndefined,
            autoescape=True,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(common, csp=CONTENT_SECURITY_POLICY)
        self._show: dict[str, Callable[[Any], str]] = {
            **numbers.BY_KIND,
            "instant": partial(numbers.instant, zone=zone),
            "clock": partial(numbers.clock, zone=zone),
            "name": label,
            "request": label,
            "text": _text,
            "badge": str,
        }
        for kind, show in self._show.items():
            self._environment.filters[kind] = show
        self._environment.filters["counted"] = numbers.counted
        self._environment.filters["change"] = numbers.change
        self._environment.filters["age"] = numbers.age

    def render(self, page: Page, scripts: Sequence[str] = ()) -> str:
        """The page as HTML text. `scripts` are what this page loads beside the others: paths below the site."""
        template = self._environment.get_template(f"{page.template}.html.j2")
        return template.render(
            page=page,
            file=f"{page.path}.html",
            page_scripts=list(scripts),
            table=lambda table, caption, name=None, **follow: self._table(table, caption, name, follow, page),
            figure=lambda name, follow="": _figure(page.figures[name], follow),
            link=lambda text, target: _link(text, target, page),
            href=lambda target: relative(target, page.path),
            request_link=lambda request_id: Markup('<a href="{}">{}</a>').format(
                request_href(request_id, page.path), label(request_id)
            ),
            **page.values,
        )

    def _table(
        self, table: Table, caption: str, name: str | None, follow: Mapping[str, Any], page: Page
    ) -> Markup:
        """The table in a box that scrolls by itself, with a link to its CSV file. `name` is what scripts know it by;
        `follow` says that it follows the filters: follow=True, limit=10."""
        if not table.rows:
            return Markup(f'<p class="empty">{_words(table.empty)}</p>')
        shown = escape(caption)
        cells = [self._cell(column, place, page) for place, column in enumerate(table.columns)]
        key = table.columns[0].key if follow else None
        head = "".join(
            f'<th scope="col" data-key="{escape(column.key)}" data-kind="{column.kind}"{_align(column)}>'
            f"{escape(column.title)}</th>"
            for column in table.columns
        )
        body = "".join(
            f"<tr{_name(row[key]) if key else ''}>{''.join([cell(row) for cell in cells])}</tr>\n"
            for row in table.rows
        )
        foot = f"<tfoot>{self._total(table, table.total)}</tfoot>" if table.total else ""
        known = _attributes({"table": name, "follow": "" if follow else None, "limit": follow.get("limit")})
        csv = ""
        if table.csv:
            target = escape(relative(f"csv/{table.csv}.csv", page.path))
            csv = (
                f'<p class="csv"><a href="{target}" download{_attributes({"csv": name})}>'
                f'CSV<span class="unseen"> of {shown}</span></a></p>'
            )
        return Markup(
            f'<div class="box"><div class="table-box" role="region" aria-label="{shown}" tabindex="0">'
            f'<table{known}><caption class="unseen">{shown}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody>{foot}</table></div>{csv}</div>"
        )

    def _cell(self, column: Column, place: int, page: Page) -> Callable[[Row], str]:
        """How the column's cell of a row is written."""
        key, kind, show = column.key, column.kind, self._show[column.kind]
        align = _align(column)
        tag = 'th scope="row"' if place == 0 and kind in _HEADINGS else "td"
        start, end = f"<{tag}{align}>", f"</{tag[:2]}>"

        def unlinked(row: Row) -> str:
            value = row[key]
            if value is None and kind == "money":
                return f'<{tag} class="number unknown">{numbers.UNKNOWN}{end}'
            shown = show(value)
            if kind == "badge":
                return f'{start}<span class="badge {_BADGES.get(shown, "")}">{escape(shown)}</span>{end}'
            return f"{start}{shown if kind in _OURS else escape(shown)}{end}"

        def linked(row: Row) -> str:
            target = _target(column, row, page)
            if target is None:
                return unlinked(row)
            return f'{start}<a href="{escape(target)}">{escape(show(row[key]))}</a>{end}'

        return linked if column.link or kind == "request" else unlinked

    def _total(self, table: Table, total: Row) -> str:
        shown = {
            column.key: escape(self._show[column.kind](total[column.key]))
            for column in table.columns
            if column.key in total
        }
        return "".join(f"<td{_align(it)}>{shown.get(it.key, '')}</td>" for it in table.columns)


@lru_cache(maxsize=4096)
def relative(target: str, page: str) -> str:
    """The link from page `page` to file `target`, both relative to the site."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def request_href(request_id: str, page: str) -> str:
    """The link from page `page` to where the request opens."""
    return f"{relative(REQUEST_PAGE, page)}?id={quote(request_id, safe='')}"


def _target(column: Column, row: Row, page: Page) -> str | None:
    if column.kind == "request":
        return None if row[column.key] is None else request_href(row[column.key], page.path)
    target = row[column.link] if column.link else None
    return None if target is None else relative(f"{target}.html", page.path)


def _attributes(values: Mapping[str, Any]) -> str:
    """What scripts are told by data-… attributes; None is not told."""
    return "".join(f' data-{name}="{escape(str(it))}"' for name, it in values.items() if it is not None)


def _name(value: Any) -> str:
    if value is None:
        return ""
    text = str(escape(str(value))).replace("\r", "&#13;")  # a browser reads a bare line end as another one
    return f' data-name="{text}"'


def _align(column: Column) -> str:
    if column.kind in _RIGHT:
        return ' class="number"'
    return ' class="w"' if column.kind in _WORDS else ""


def _text(value: Any) -> str:
    return numbers.NOTHING if value is None else label(str(value), MAX_TEXT)


def _words(text: str) -> str:
    """Our own words, in which `code` may stand between backticks."""
    return _CODE.sub(r"<code>\1</code>", str(escape(text)))


def _finalize(value: Any) -> Any:
    if isinstance(value, str | jinja2.Undefined):
        return value
    raise TypeError(f"a template shows a {type(value).__name__}: give it a filter that says how")


def _link(text: str, target: str, page: Page) -> Markup:
    return Markup('<a href="{}">{}</a>').format(relative(f"{target}.html", page.path), text)


def _figure(figure: Figure, follow: str) -> Markup:
    """Where a chart is drawn; whoever can't see it is told what it shows, and finds the figures in a table."""
    return Markup(
        '<figure data-figure="{name}"{follow}><div class="chart" data-chart="{name}" role="img" aria-label="{alt}">'
        "</div></figure>"
    ).format(alt=figure.alt, name=figure.name, follow=Markup(f' data-follow="{follow}"') if follow else "")
