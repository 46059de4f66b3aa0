"""The browser's own arithmetic against Python's: numbers, names, CSV cells, hashes, packed text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.site.hostile_names import HOSTILE
from tokencost_pipeline.reports.browser import STATIC
from tokencost_pipeline.reports.data_scripts import pack

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "site" / "number_vectors.json").read_text("ascii"))
SHOW = """([kind, cases]) => {
  const { numbers, csv } = tokencost;
  const units = (text) => (text === null ? null : BigInt(text));
  const show = {
    money: (it) => numbers.money(units(it)),
    exact: (it) => numbers.exact(units(it)),
    count: numbers.count,
    share: ([part, whole]) => numbers.share(units(part), units(whole)),
    change: ([now, before]) => numbers.change(units(now), units(before)),
    latency: ([total, number]) => numbers.latency(total, number),
    instant: ([milliseconds, zone]) => numbers.instant(milliseconds, zone),
    label: (name) => numbers.label(name),
    text: (name) => numbers.text(name),
    csv: (name) => csv.render(["a", "b"], [[name, 1]]),
  };
  return cases.map(([it]) => show[kind](it));
}"""


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    """A page with the scripts and nothing else."""
    page = browser.new_page(locale="de-DE", timezone_id="America/New_York")
    page.set_content("<body data-root=''></body>")
    for name in ("core", "data", "money", "csv", "sha256", "rollups"):
        page.add_script_tag(path=STATIC / f"{name}.js")
    yield page
    page.close()


@pytest.mark.parametrize("kind", VECTORS)
def test_the_browser_shows_what_python_shows(scripts: Page, kind: str) -> None:
    cases = VECTORS[kind]
    assert scripts.evaluate(SHOW, [kind, cases]) == [shown for _, shown in cases]


def test_hashes_are_those_of_hashlib(scripts: Page) -> None:
    texts = ["", *HOSTILE, *("é🚀x" * 70)[:210], *("a" * number for number in range(50, 140))]
    told = scripts.evaluate("(texts) => texts.map(tokencost.sha256)", texts)
    assert told == [sha256(text.encode()).hexdigest() for text in texts]


def test_packed_text_comes_out_as_it_went_in(scripts: Page) -> None:
    text = "\n".join(HOSTILE) * 20
    told = scripts.evaluate("(packed) => tokencost.unpack(packed)", pack(text.encode()).decode())
    assert told == text


SUM = """async () => {
  const file = { rows: 3, slots: ["2026-11-01", "2026-11-02"], slot: [0, 1, 1], tenant_id: [1, 1, 0] };
  file.names = { tenant_id: [null, "a"] };
  for (const name of ["feature", "provider", "model"]) {
    file[name] = [0, 0, 0];
    file.names[name] = [null];
  }
  for (const measure of tokencost.rollups.MEASURES) file[measure] = [null, null, null];
  file.attempts = [2, 3, 1];
  file.cost_usd = ["99999999999999999999999", "1", null];
  tokencost.loadPacked = async () => JSON.stringify(file);
  const index = { daily: [["2026-11-01", "2026-11-02", "data/daily-x-0123456789.js"]], monthly: [] };
  const rows = await tokencost.rollups.sumDays(index, {}, ["tenant_id"], "2026-11-01", "2026-11-02");
  return rows.map((row) => [row.tenant_id, row.attempts, row.cost_usd === null ? null : String(row.cost_usd)]);
}"""


def test_sums_are_exact_and_an_unknown_cost_stays_unknown(scripts: Page) -> None:
    assert scripts.evaluate(SUM) == [["a", 5, "100000000000000000000000"], [None, 1, None]]
