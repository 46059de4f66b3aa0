"""Whatever a client calls its tenants, features, models and requests: it is text, in every file of the site."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.site.hostile_names import HOSTILE
from tests.site.page_reader import read_page
from tests.site.site_lab import Site
from tests.site.visit import visiting
from tokencost_pipeline.reports.content_policy import CONTENT_SECURITY_POLICY
from tokencost_pipeline.reports.text import label, slug

OURS = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "div", "nav", "span", "button", "main",
    "h1", "h2", "h3", "p", "time", "section", "strong", "code", "table", "caption", "thead", "tbody", "tfoot", "tr",
    "th", "td", "figure", "figcaption", "details", "summary", "dl", "dt", "dd", "footer", "noscript", "form", "label",
    "input", "ul", "ol", "li", "select", "option", "small", "em", "br", "output", "fieldset", "legend",
}  # fmt: skip
FORMULA = re.compile(r"[ ]*[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def pages(site: Site) -> list[Path]:
    return sorted(site.folder.rglob("*.html"))


def test_no_page_has_a_tag_an_attribute_or_a_link_that_came_out_of_the_data(site: Site) -> None:
    there = {path.relative_to(site.folder).as_posix() for path in site.folder.rglob("*") if path.is_file()}
    assert len(pages(site)) > 60
    for path in pages(site):
        page = path.relative_to(site.folder).as_posix()
        for tag, attributes in read_page(path).tags:
            assert tag in OURS, f"{page}: <{tag}>"
            assert not [name for name in attributes if name.startswith("on")], (page, attributes)
            assert "style" not in attributes, (page, attributes)
            for name in ("href", "src"):
                target = attributes.get(name, "#")
                if target.startswith(("#", "data:,")):
                    continue
                parts = urlsplit(target)
                assert (parts.scheme, parts.netloc) == ("", ""), f"{page}: {target}"
                inside = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path)))
                assert inside in there, f"{page}: {target} leads nowhere"


def test_every_page_has_the_strict_policy_and_no_script_of_its_own(site: Site) -> None:
    for path in pages(site):
        text = path.read_text("utf-8")
        tags = read_page(path).tags
        [policy] = [a["content"] for tag, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy == CONTENT_SECURITY_POLICY
        assert "unsafe" not in policy
        assert all(attributes.get("src") for tag, attributes in tags if tag == "script")
        assert not re.search(r"<script[^>]*>[^<]", text)


def test_names_are_shown_as_they_are_and_link_to_pages_of_their_own(site: Site) -> None:
    for table, key, page in (
        ("features", "feature", "features/index"),
        ("tenants", "tenant_id", "tenants/index"),
    ):
        reader = read_page(site.folder / f"{page}.html")
        shown = [row[key] for row in reader.tables[table].rows]
        for name in HOSTILE:
            assert label(name) in shown, name
            own = site.folder / page.split("/")[0] / f"{slug(name)}.html"
            assert label(name) in "".join(read_page(own).words), own


def test_no_file_lies_outside_the_folder_or_has_a_name_that_could_be_misread(site: Site) -> None:
    reports = site.lab.settings.reports_dir
    for path in reports.rglob("*"):
        assert path.resolve().is_relative_to(reports.resolve())
        assert re.fullmatch(r"\.?[A-Za-z0-9][A-Za-z0-9._-]*", path.name), path
    strangers = {path.name for path in site.lab.root.iterdir()} - {
        "raw",
        "pricing",
        "data",
        "reports",
        "built",
    }
    assert strangers == set()


def test_no_cell_of_a_csv_file_is_a_formula(site: Site) -> None:
    seen = 0
    for path in sorted((site.folder / "csv").glob("*.csv")):
        for row in csv.reader(io.StringIO(path.read_text("utf-8"), newline="")):
            for cell in row:
                assert NUMBER.fullmatch(cell) or not FORMULA.match(cell), f"{path.name}: {cell[:80]!r}"
                seen += cell.startswith("'=HYPERLINK")
    assert seen >= 4


def test_data_files_hold_nothing_that_ends_a_script(site: Site) -> None:
    for path in (site.folder / "data").rglob("*.js"):
        text = path.read_text("utf-8")
        assert "<" not in text, path.name
        assert "\u2028" not in text
        assert "\u2029" not in text
        assert re.match(r"tokencost\.receive\(", text), path.name


LISTS = (
    "index",
    "features/index",
    "tenants/index",
    "requests/index",
    "models",
    "data_quality",
    "anomalies",
    "routing",
)


def test_no_script_runs_on_any_list_and_on_the_pages_of_the_names(site: Site, browser: Browser) -> None:
    chosen = [f"{folder}/{slug(name)}" for name in HOSTILE[:3] for folder in ("features", "tenants")]
    with visiting(browser, 1440) as visitor:
        for page in (*LISTS, *chosen):
            visitor.go((site.folder / f"{page}.html").as_uri())
            assert visitor.page.locator("main img, main iframe, main script").count() == 0


@pytest.mark.parametrize("width", [390])
def test_any_request_opens_whatever_it_is_called(site: Site, browser: Browser, width: int) -> None:
    expected = dict(site.ask("select request_id, attempts from marts.fct_requests"))
    reader = read_page(site.folder / "requests/index.html")
    ids = {
        parse_qs(urlsplit(a["href"]).query, keep_blank_values=True)["id"][0]: a["href"]
        for tag, a in reader.tags
        if tag == "a" and "request/index.html?id=" in a.get("href", "")
    }
    with visiting(browser, width) as visitor:
        for name in HOSTILE:
            href = ids[name]
            visitor.go((site.folder / "requests").as_uri() + "/" + href)
            visitor.request_shown()
            assert label(name) in visitor.page.locator("h1").inner_text()
            assert len(visitor.rows("Attempts")) == expected[name]
