"""A book with a mistake is refused with file and line; the last good one stays in force."""

from __future__ import annotations

import pytest
from pipeline_lab import Lab, event, new_lab

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.land import land_reference

ROW = (
    "- {{id: openai/x@1, provider: openai, model: x, region: default, service_tier: standard, currency: USD,"
    " effective_from: '2026-01-01T00:00:00Z', recorded_at: '2026-01-01T00:00:00Z',"
    " bands: [{{min_context_tokens: 0, rates: {{input: {price}, output: '2'}}}}]{more}}}"
)
GOOD = "schema_version: 1\nprices:\n" + ROW.format(price="'1'", more="") + "\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("book"))
    lab.drop("events", "a.jsonl", [event(1, "2026-11-20T10:00:00Z", model="x")])
    (lab.settings.pricing_dir / "price_book.yaml").write_text(GOOD, "utf-8")
    lab.run()
    return lab


BAD = {
    "float price": "schema_version: 1\nprices:\n" + ROW.format(price="1.5", more="") + "\n",
    "ten decimals": "schema_version: 1\nprices:\n" + ROW.format(price="'0.0000000001'", more="") + "\n",
    "duplicate key": "schema_version: 1\nprices:\n" + ROW.format(price="'1'", more=", model: y") + "\n",
    "equal versions": GOOD + ROW.format(price="'3'", more="").replace("openai/x@1", "openai/x@2") + "\n",
    "scientific notation": "schema_version: 1\nprices:\n" + ROW.format(price="1e-6", more="") + "\n",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_book_is_refused_with_file_and_line(lab: Lab, name: str) -> None:
    (lab.settings.pricing_dir / "price_book.yaml").write_text(BAD[name], "utf-8")
    landed = (lab.settings.landing_dir / "reference" / "prices.parquet").read_bytes()
    with pytest.raises(UserError) as refusal:
        land_reference(lab.settings)
    print(refusal.value)
    assert f"price_book.yaml:{4 if name == 'equal versions' else 3}" in str(refusal.value)
    assert (lab.settings.landing_dir / "reference" / "prices.parquet").read_bytes() == landed


def test_the_command_exits_with_2_and_the_last_good_book_stays_in_force(lab: Lab) -> None:
    (lab.settings.pricing_dir / "price_book.yaml").write_text(BAD["float price"], "utf-8")
    answer = lab.tokencost("run")
    assert answer.returncode == 2, answer.stderr
    assert "price_book.yaml:3" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert lab.ask("select price_id, cost_usd::varchar from marts.fct_attempts") == [
        ("openai/x@1", "0.001200000000000")
    ]
    told = lab.tokencost("doctor")
    assert told.returncode == 1
    assert "stale since" in told.stdout
    assert "pricing/price_book failed" in told.stdout
    assert "price_book.yaml:3" in told.stdout
