"""Names out of the data are shown as text: no HTML, no link, no path, no formula."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sample_exports import LONG, NASTY, Published

from tokencost_pipeline.reports.csvs import cell
from tokencost_pipeline.reports.markdown import escape
from tokencost_pipeline.reports.text import label, slug, visible

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OUR_TAGS = re.compile(
    r"</?(h[123]|p|ul|li|a|strong|code|hr|table|thead|tbody|tr|th|td|blockquote|picture|source|img)\b[^<>]*>"
)
WILD = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="|\\`*_[](){}<>&#!~$:@-+=. \nwxa1", max_size=40),
)


def shown(rendered: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).strip()


@given(WILD)
def test_an_escaped_name_shows_as_itself_in_a_cell_and_in_a_heading(name: str) -> None:
    text = visible(name).strip()
    if not text:
        return
    in_cell = MARKDOWN.render(f"| a |\n| --- |\n| {escape(text)} |\n")
    body = in_cell.split("<tbody>")[1]
    assert body.count("<td") == 1
    assert not re.search(r"<(?!/?(tbody|tr|td|table)\b)", body)
    assert shown(body) == text
    heading = MARKDOWN.render(f"# Feature {escape(text)}\n")
    assert shown(heading) == f"Feature {text}"
    assert heading.count("<") == 2


@given(WILD)
def test_a_slug_is_one_harmless_file_name(name: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*-)?[0-9a-f]{10}", slug(name))
    assert slug(name) != slug(name + "x")
    assert slug(None) != slug(name)


@given(WILD)
def test_no_csv_cell_is_a_formula_and_the_text_survives(name: str) -> None:
    text = cell(name)
    assert name in {text, text.removeprefix("'")}
    assert not text.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) or re.fullmatch(
        r"[+-]?[0-9]+(\.[0-9]+)?", text
    )


def test_a_negative_number_is_no_formula() -> None:
    assert cell("-1.5") == "-1.5"
    assert cell("-1.5+cmd") == "'-1.5+cmd"
    assert cell("＝1+1") == "'＝1+1"


def test_no_page_holds_html_that_is_not_ours(published: Published) -> None:
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table"])
    for path in published.pages():
        rendered = renderer.render(path.read_text("utf-8"))
        assert "<" not in OUR_TAGS.sub("", rendered), path
        without_values = re.sub(r'="[^"]*"', "=", rendered)
        assert not re.search(r"<[^>]*\son\w+\s*=", without_values), path


def test_every_link_and_image_stays_inside_the_report_and_exists(published: Published) -> None:
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table"])
    root = published.root.resolve()
    links = 0
    for path in published.pages():
        rendered = renderer.render(path.read_text("utf-8"))
        for target in re.findall(r'(?:href|src|srcset)="([^"]*)"', rendered):
            file = (path.parent / html.unescape(target)).resolve()
            assert file.is_relative_to(root), (path, target)
            assert file.is_file(), (path, target)
            links += 1
    assert links > 500


def test_every_page_can_be_reached_from_the_overview(published: Published) -> None:
    seen: set[Path] = set()
    queue = [published.root / "markdown" / "index.md"]
    while queue:
        page = queue.pop().resolve()
        if page in seen:
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^()\s]+\.md)\)", page.read_text("utf-8"))
        queue += [page.parent / target for target in targets]
    assert seen == {path.resolve() for path in published.pages()}


def test_harmful_names_are_on_the_pages_as_text(published: Published) -> None:
    text = shown(MARKDOWN.render(published.page("features/index")))
    for name in NASTY:
        assert label(name) in text, name


def test_no_csv_cell_of_the_report_is_a_formula(published: Published) -> None:
    number = re.compile(r"[+-]?\d+(\.\d+)?")
    cells = 0
    for path in (published.root / "csv").glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")):
            for value in row:
                cells += 1
                assert not value.startswith(("=", "+", "-", "@", "\t", "\r")) or number.fullmatch(value), path
    assert cells > 1_000


def test_a_csv_keeps_a_long_name_whole(published: Published) -> None:
    assert LONG in (published.root / "csv" / "features.csv").read_text("utf-8")
    assert LONG not in published.page("features/index")


def test_charts_carry_names_as_text_only(published: Published) -> None:
    for path in (published.root / "markdown" / "charts").glob("*.svg"):
        text = path.read_text("utf-8")
        assert "<script" not in text.lower()
        assert "<img" not in text
        assert "http" not in text.replace("http://www.w3.org/", "").replace("https://evil.example", "")


def test_a_right_to_left_name_is_isolated_and_an_override_is_written_out() -> None:
    assert visible("שלום") == "\u2068שלום\u2069"
    assert visible("\u202eexe") == "\\u202eexe"
    assert visible("a\r\nb") == "a\\r\\nb"
    assert visible("👩‍💻") == "👩‍💻"
