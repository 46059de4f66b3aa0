"""The HTML face: nothing runs or leads anywhere but what is ours, and it shows what the Markdown face shows."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sample_exports import LONG, NASTY, Published

from tokencost_pipeline.reports.browser import style
from tokencost_pipeline.reports.charts.theme import BROWSER, THEMES, colours
from tokencost_pipeline.reports.content_policy import CONTENT_SECURITY_POLICY
from tokencost_pipeline.reports.data_scripts import script
from tokencost_pipeline.reports.html import HtmlFace, request_href
from tokencost_pipeline.reports.markdown import MarkdownFace
from tokencost_pipeline.reports.model import Column, Kind, Page, Table
from tokencost_pipeline.reports.text import label

ZONE = ZoneInfo("Europe/Berlin")
PAGE = Page("deep/page", "Page", "none", {})
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
VALUES = {
    "money": Decimal("1234.5"),
    "optional_money": None,
    "count": 1234567,
    "share": Decimal("0.1234"),
    "latency": 95_000,
    "rate": Decimal("0.150000000"),
    "instant": datetime(2026, 11, 21, 23, 30, tzinfo=UTC),
    "clock": datetime(2026, 11, 21, 23, 30, tzinfo=UTC),
    "day": date(2026, 11, 21),
    "flag": False,
    "badge": "FREE",
}


class Parsed(HTMLParser):
    """What a browser would make of a page: elements with their attributes, tables as text, all text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.tables: list[list[list[str]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in {"meta", "link", "img", "input", "br", "source"}:
            self._inside.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._inside or "style" in self._inside:
            self.scripts.append(data)
            return
        self.text += data
        if {"td", "th"} & set(self._inside):
            self.tables[-1][-1][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def parsed(published: Published) -> dict[str, Parsed]:
    root = published.root / "site"
    return {
        str(path.relative_to(root)): Parsed(path.read_text("utf-8")) for path in sorted(root.rglob("*.html"))
    }


@pytest.fixture(scope="module")
def site(published: Published) -> dict[str, Parsed]:
    return parsed(published)


def faces() -> tuple[HtmlFace, MarkdownFace]:
    return HtmlFace(ZONE, {}), MarkdownFace(ZONE, {})


def shown(table: Table) -> tuple[list[list[str]], list[list[str]]]:
    """The table as the HTML and the Markdown face show it, as text."""
    html, markdown = faces()
    (rich,) = Parsed(html._table(table, "Caption", "name", {}, PAGE)).tables
    (plain,) = Parsed(MARKDOWN.render(markdown._table(table, PAGE))).tables
    return rich, plain


def test_each_page_forbids_everything_but_its_own_scripts_and_styles(site: dict[str, Parsed]) -> None:
    assert len(site) > 40
    for path, page in site.items():
        policies = [
            attributes["content"]
            for tag, attributes in page.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policies == [CONTENT_SECURITY_POLICY], path
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


def test_no_page_has_an_inline_script_style_or_handler(site: dict[str, Parsed]) -> None:
    for path, page in site.items():
        assert not "".join(page.scripts).strip(), path
        for tag, attributes in page.elements:
            assert tag not in {"style", "iframe", "object", "embed", "base", "img", "svg"}, (path, tag)
            assert "style" not in attributes, (path, tag)
            assert not [name for name in attributes if name.startswith("on")], (path, tag)
            assert (tag != "script") or attributes["src"], path


def test_every_link_is_relative_and_leads_to_a_file_of_the_site(
    published: Published, site: dict[str, Parsed]
) -> None:
    root = (published.root / "site").resolve()
    links = 0
    for path, page in site.items():
        for target in [*page.attributes("href"), *page.attributes("src")]:
            if target in {"data:,", "#content"}:
                continue
            parts = urlsplit(target)
            assert not parts.scheme, (path, target)
            assert not parts.netloc, (path, target)
            assert not parts.path.startswith("/"), (path, target)
            file = (root / path).parent / unquote(parts.path)
            assert file.resolve().is_relative_to(root), (path, target)
            assert file.is_file(), (path, target)
            links += 1
    assert links > 1_000


def test_every_page_can_be_reached_by_clicking(published: Published, site: dict[str, Parsed]) -> None:
    root = (published.root / "site").resolve()
    seen: set[str] = set()
    queue = ["index.html"]
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        for target in site[path].attributes("href"):
            file = ((root / path).parent / unquote(urlsplit(target).path)).resolve()
            if file.suffix == ".html":
                queue.append(str(file.relative_to(root)))
    assert seen == set(site)


def test_harmful_names_are_shown_as_text_on_lists_and_on_pages_of_their_own(site: dict[str, Parsed]) -> None:
    for name in NASTY:
        for path in ("features/index.html", "tenants/index.html", "models.html"):
            if name or path != "models.html":
                assert label(name) in site[path].text, (path, name)
        assert any(f"Tenant {label(name)}" in page.text for page in site.values()), name
        assert any(f"Feature {label(name)}" in page.text for page in site.values()), name
    for path, page in site.items():
        assert LONG not in page.text, path


def test_a_request_is_linked_by_its_whole_id(site: dict[str, Parsed]) -> None:
    ids = {
        parse_qs(urlsplit(target).query, keep_blank_values=True)["id"][0]
        for target in site["requests/index.html"].attributes("href")
        if "request/index.html?" in target
    }
    assert {name for name in NASTY if name} <= ids
    assert request_href("a/b?c#d&e", "features/x") == "../request/index.html?id=a%2Fb%3Fc%23d%26e"


def test_a_request_has_a_page_of_its_own_in_markdown_alone(
    published: Published, site: dict[str, Parsed]
) -> None:
    assert [path for path in site if path.startswith("request")] == [
        "request/index.html",
        "requests/index.html",
    ]
    assert len(list((published.root / "markdown" / "requests").glob("*.md"))) > 40
    assert not (published.root / "markdown" / "request").exists()


def test_both_faces_show_the_same_tables(published: Published, site: dict[str, Parsed]) -> None:
    compared = 0
    for path, page in site.items():
        source = published.root / "markdown" / Path(path).with_suffix(".md")
        if not source.exists():
            continue
        plain = Parsed(MARKDOWN.render(source.read_text("utf-8"))).tables
        for table in page.tables:
            if table[0][0] == "Hour":  # too long for Markdown; its CSV file has the same rows
                hours = (published.root / "csv" / "hourly_tokens.csv").read_text("utf-8").splitlines()
                assert [row[1:] for row in table[:0:-1]] == [
                    [f"{int(figure):,}" for figure in line.split(",")[1:]] for line in hours[1:]
                ]
                continue
            rows = [[cell.strip() for cell in row] for row in table]
            assert any(
                rows[: len(other)] == [[cell.strip() for cell in row] for row in other]
                and len(other) >= min(len(rows), 10)
                for other in plain
            ), (path, rows[:2])
            compared += 1
    assert compared > 150


def test_the_big_numbers_are_those_of_the_markdown_face(
    published: Published, site: dict[str, Parsed]
) -> None:
    lines = published.page("index").splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("| Cost, last 7 days"))
    figures = re.findall(r"\*\*(.+?)\*\*", lines[head + 2])
    assert len(figures) == 7
    for figure in figures:
        assert figure in site["index.html"].text, figure


@pytest.mark.parametrize("kind", sorted(set(get_args(Kind)) - {"name", "text", "request"}))
def test_both_faces_show_a_kind_alike_known_or_not(kind: Kind) -> None:
    values = [VALUES[kind]] if kind == "badge" else [VALUES[kind], None]
    table = Table([Column("value", "Value", kind)], [{"value": value} for value in values], empty="")
    rich, plain = shown(table)
    assert rich == plain
    assert all(row[0] for row in rich)


@given(st.one_of(st.text(max_size=80), st.sampled_from([*NASTY, "javascript:alert(1)", "x" * 10_000])))
def test_a_wild_name_is_one_cell_of_text_and_no_link_of_its_own(name: str) -> None:
    html, _ = faces()
    name = name.replace("\0", "")  # no attribute can hold it
    columns = [
        Column("name", "Name", "name", link="page"),
        Column("text", "Text", "text"),
        Column("id", "Id", "request"),
    ]
    row = {"name": name, "text": name, "id": name, "page": "features/one"}
    page = Parsed(html._table(Table(columns, [row], empty=""), name, None, {"follow": True}, PAGE))
    assert page.tables[0][1] == [label(name), label(name, 300), label(name)]
    assert {tag for tag, _ in page.elements} <= {
        "div",
        "table",
        "caption",
        "thead",
        "tr",
        "th",
        "tbody",
        "td",
        "a",
    }
    targets = page.attributes("href")
    assert targets[0] == "../features/one.html"
    assert parse_qs(urlsplit(targets[1]).query, keep_blank_values=True)["id"] == [name]
    assert page.attributes("data-name") == [name]


@given(st.recursive(st.one_of(st.text(), st.integers(-5, 5)), lambda inner: st.lists(inner, max_size=3)))
def test_data_in_a_script_ends_no_script_and_comes_back_whole(value: object) -> None:
    text = script("x", value).decode()
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text.removeprefix('tokencost.receive("x",').removesuffix(");\n")) == value


def test_chart_data_of_the_site_ends_no_script(published: Published) -> None:
    files = list((published.root / "site" / "data").glob("charts-*.js"))
    assert len(files) > 30
    assert not [path for path in files if "<" in path.read_text("utf-8")]


def test_every_colour_of_a_chart_is_one_that_both_themes_give_the_style_sheet() -> None:
    text = style().decode()
    named = {colour.removeprefix("var(--").removesuffix(")") for colour in colours(BROWSER).values()}
    assert named == set(colours(BROWSER))
    for theme in THEMES:
        for name, colour in colours(theme).items():
            assert f"--{name}: {colour};" in text, (theme.name, name)


def test_the_charts_of_a_page_need_no_other_colours(published: Published) -> None:
    for path in (published.root / "site" / "data").glob("charts-*.js"):
        assert not re.search(r'"(color|stroke|fill|\w+Color)": ?"#', path.read_text("utf-8")), path


def test_a_chart_says_in_words_what_it_shows_and_has_a_table(site: dict[str, Parsed]) -> None:
    charts = 0
    for path, page in site.items():
        for tag, attributes in page.elements:
            if tag == "div" and "data-chart" in attributes:
                assert attributes["role"] == "img", path
                assert len(attributes["aria-label"]) > 20, path
                assert page.tables, path
                charts += 1
    assert charts > 30


def test_tables_have_a_caption_and_say_which_cells_are_headings(site: dict[str, Parsed]) -> None:
    for path, page in site.items():
        tags = [tag for tag, _ in page.elements]
        assert tags.count("table") == tags.count("caption"), path
        assert tags.count("h1") == 1, path
        for tag, attributes in page.elements:
            if tag == "th":
                assert attributes["scope"] in {"col", "row"}, path


def test_a_page_says_as_of_when_and_in_which_zone(site: dict[str, Parsed]) -> None:
    for path, page in site.items():
        assert "As of 2026-11-21 11:30:00 (Europe/Berlin)" in page.text, path


def test_every_page_knows_the_build_that_version_js_names(
    published: Published, site: dict[str, Parsed]
) -> None:
    text = (published.root / "site" / "version.js").read_text("utf-8")
    version = json.loads(text.removeprefix('tokencost.receive("version",').removesuffix(");\n"))
    assert {build for page in site.values() for build in page.attributes("data-build")} == {version["build"]}
    assert version["as_of"] == "2026-11-21T10:30:00Z"
