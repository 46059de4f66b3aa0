from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.schema import DISCOUNTS
from tokencost_pipeline.pricing.discounts import OPEN, Discount, load_discounts, to_arrow


def discount(**changes: str) -> str:
    fields = {
        "id": "d1",
        "provider": "acme",
        "percent": "'15'",
        "effective_from": "'2026-01-01T00:00:00Z'",
    } | changes
    return "- {" + ", ".join(f"{name}: {value}" for name, value in fields.items() if value) + "}"


def read(folder: Path, *rows: str) -> tuple[Discount, ...]:
    path = folder / "discounts.yaml"
    path.write_text("\n".join(["schema_version: 1", "discounts:", *rows]) + "\n", encoding="utf-8")
    return load_discounts(path)


def test_what_is_left_out_means_any_and_open(tmp_path: Path):
    table = to_arrow(read(tmp_path, discount()))
    assert table.schema.equals(DISCOUNTS)
    row = table.to_pylist()[0]
    assert (row["model"], row["tenant_id"], row["effective_to"]) == ("*", "*", OPEN)
    assert row["factor"] == Decimal("0.85")


@given(st.integers(1, 100_000_000))
def test_the_factor_is_exact_for_every_percentage(millionths: int):
    percent = Decimal(millionths).scaleb(-6)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    one = Discount("d", "acme", "*", "*", percent, start, OPEN, 1)
    landed = to_arrow((one,)).to_pylist()[0]["factor"]
    assert landed * 100 == 100 - percent


def test_no_file_means_no_discounts(tmp_path: Path):
    table = to_arrow(load_discounts(tmp_path / "discounts.yaml"))
    assert table.num_rows == 0
    assert table.schema.equals(DISCOUNTS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"percent": "'0'"}, "above '0'"),
        ({"percent": "'100.5'"}, "at most '100'"),
        ({"percent": "'1.1234567'"}, "more than 6 decimals"),
        ({"percent": "15"}, "decimal string: '15'"),
        ({"percent": "'-5'"}, "negative"),
        ({"effective_from": "'2026-01-01'"}, "'2026-01-01T00:00:00Z'"),
        ({"effective_to": "'2026-01-01T00:00:00Z'"}, "does not lie after"),
        ({"provider": "'*'"}, "lower case"),
        ({"provider": ""}, "has no 'provider'"),
        ({"tennant": "x"}, "unknown key"),
    ],
)
def test_a_bad_discount_is_refused_at_its_line(tmp_path: Path, changes: dict[str, str], said: str):
    with pytest.raises(UserError, match=r"discounts\.yaml:4") as caught:
        read(tmp_path, discount(id="other", model="m"), discount(**changes))
    assert said in str(caught.value)


def test_two_that_say_equally_much_at_one_time_are_refused_with_both_lines(tmp_path: Path):
    later = discount(id="d2", effective_from="'2026-06-01T00:00:00Z'")
    with pytest.raises(UserError, match=r"discounts\.yaml:4.*line 3"):
        read(tmp_path, discount(), later)


@pytest.mark.parametrize(
    "other",
    [
        discount(id="d2", effective_from="'2026-06-01T00:00:00Z'"),
        discount(id="d2", model="m1"),
        discount(id="d2", tenant="t1"),
        discount(id="d2", provider="else"),
    ],
)
def test_one_after_the_other_or_for_others_is_fine(tmp_path: Path, other: str):
    assert len(read(tmp_path, discount(effective_to="'2026-06-01T00:00:00Z'"), other)) == 2


def test_an_id_is_used_once(tmp_path: Path):
    with pytest.raises(UserError, match="duplicate id"):
        read(tmp_path, discount(), discount(model="m1"))


def test_the_shipped_files_are_empty_and_readable():
    from tokencost_pipeline.pricing.fx import load_fx_rates

    folder = Path(__file__).parents[3] / "pricing"
    assert load_discounts(folder / "discounts.yaml") == ()
    assert load_fx_rates(folder / "fx_rates.yaml").rates == ()
