"""Accepted rows are not edited or deleted; everything else about a book may change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from price_book_texts import BANDS, alias_row, book_text, load, price_row

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.check import check_prices
from tokencost_pipeline.pricing.ledger import compare, fingerprints, parse_ledger

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEARER = "bands: [{min_context_tokens: 0, rates: {input: '4', output: '15'}}]"


def accepted(folder: Path, text: str) -> Path:
    """A folder whose book was accepted as it stands."""
    load(folder, text)
    check_prices(folder, NOW, accept=True)
    return folder


def change(folder: Path, text: str) -> None:
    (folder / "price_book.yaml").write_text(text, encoding="utf-8")


def refused(folder: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        check_prices(folder, NOW)
    return caught.value


def test_an_accepted_book_passes_and_accepting_again_changes_nothing(tmp_path: Path):
    accepted(tmp_path, book_text(price_row(), aliases=(alias_row(),)))
    before = (tmp_path / "price_book.ledger").read_bytes()
    report = check_prices(tmp_path, NOW, accept=True)
    assert (report.ledger_rows, report.accepted, report.new_rows) == (2, 0, ())
    assert (tmp_path / "price_book.ledger").read_bytes() == before


EDITS = {
    "a rate": price_row(rest=DEARER),
    "another band": price_row(
        rest="bands: [{min_context_tokens: 0, rates: {input: '3', output: '15'}},"
        " {min_context_tokens: 9, rates: {input: '3', output: '15'}}]"
    ),
    "a fee": price_row(rest=f"{BANDS}, unit_fees: {{request: '0.1'}}"),
    "a multiplier": price_row(rest=f"{BANDS}, multipliers: [{{region: us, factor: '1.1'}}]"),
    "a window": price_row(rest=f"{BANDS}, window: {{utc_hours: ['01:00-02:00']}}"),
    "the start": price_row(effective_from="'2026-01-02T00:00:00Z'"),
    "the recording": price_row(recorded_at="'2026-01-02T00:00:00Z'"),
    "the currency": price_row(currency="EUR"),
    "the model": price_row(model="m2"),
    "the region": price_row(region="us"),
    "the tier": price_row(service_tier="batch"),
    "the provider": price_row(provider="other"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_row_is_refused_at_its_line_with_a_correction_to_paste(tmp_path: Path, what: str):
    accepted(tmp_path, book_text(price_row()))
    change(tmp_path, book_text(EDITS[what]))
    error = refused(tmp_path)
    assert error.place
    assert error.place.endswith("price_book.yaml:3")
    assert error.hint
    assert "id: one/corrected" in error.hint


def test_the_correction_it_prints_is_a_row_the_book_takes(tmp_path: Path):
    accepted(tmp_path, book_text(price_row()))
    change(tmp_path, book_text(price_row(rest=DEARER)))
    hint = refused(tmp_path).hint or ""
    correction = "\n".join(line.strip() for line in hint.splitlines()[1:])
    change(tmp_path, book_text(price_row(), correction))
    assert check_prices(tmp_path, NOW).new_rows == ("one/corrected",)


HARMLESS = {
    "a source": price_row(rest=f"{BANDS}, source: the vendor's page"),
    "the spelling": price_row(rest=BANDS.replace("'3'", "'3.00'")),
    "a comment": f"# why not\n{price_row()}",
    "a confirmed start": price_row(effective_from_known="true"),
    "a promise": price_row(promo_until="'2027-01-01'"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_cannot_move_a_price_may_change(tmp_path: Path, what: str):
    accepted(tmp_path, book_text(price_row()))
    change(tmp_path, book_text(HARMLESS[what]))
    assert check_prices(tmp_path, NOW).new_rows == ()


def test_a_deleted_row_is_refused_at_its_line_of_the_ledger(tmp_path: Path):
    accepted(tmp_path, book_text(price_row("a"), price_row("b", model="m2"), price_row("c", model="m3")))
    change(tmp_path, book_text(price_row("a"), price_row("c", model="m3")))
    error = refused(tmp_path)
    line = int((error.place or "").rpartition("price_book.ledger:")[2])
    assert (tmp_path / "price_book.ledger").read_text("utf-8").splitlines()[line - 1].endswith("  b")
    assert "status: retracted" in (error.hint or "")


def test_a_renamed_row_is_refused_and_told_its_old_id(tmp_path: Path):
    accepted(tmp_path, book_text(price_row("old")))
    change(tmp_path, book_text(price_row("new")))
    error = refused(tmp_path)
    assert "'old'" in error.message
    assert error.place
    assert error.place.endswith("price_book.yaml:3")


def test_an_edited_alias_is_refused(tmp_path: Path):
    accepted(tmp_path, book_text(price_row(), aliases=(alias_row(),)))
    change(tmp_path, book_text(price_row(), aliases=(alias_row(model="m9"),)))
    error = refused(tmp_path)
    assert error.place
    assert error.place.endswith("price_book.yaml:3")
    assert "alias: a1" in (error.hint or "")


def test_every_changed_row_is_told_at_once(tmp_path: Path):
    accepted(tmp_path, book_text(price_row("a"), price_row("b", model="m2"), price_row("c", model="m3")))
    change(tmp_path, book_text(price_row("a", rest=DEARER), price_row("b", rest=DEARER, model="m2")))
    told = str(refused(tmp_path))
    assert "price_book.yaml:3" in told
    assert "price_book.yaml:4" in told
    assert "'c' was accepted" in told


def test_new_rows_are_free_until_they_are_accepted(tmp_path: Path):
    accepted(tmp_path, book_text(price_row()))
    change(tmp_path, book_text(price_row(), price_row("two", model="m2")))
    assert check_prices(tmp_path, NOW).new_rows == ("two",)
    change(tmp_path, book_text(price_row(), price_row("two", model="m2", rest=DEARER)))
    assert check_prices(tmp_path, NOW, accept=True).accepted == 1
    change(tmp_path, book_text(price_row(), price_row("two", model="m2")))
    assert (refused(tmp_path).place or "").endswith(":4")


def test_accepting_does_not_get_an_edit_through(tmp_path: Path):
    accepted(tmp_path, book_text(price_row()))
    before = (tmp_path / "price_book.ledger").read_bytes()
    change(tmp_path, book_text(price_row(rest=DEARER), price_row("two", model="m2")))
    with pytest.raises(UserError):
        check_prices(tmp_path, NOW, accept=True)
    assert (tmp_path / "price_book.ledger").read_bytes() == before


def test_without_a_ledger_the_check_passes_and_says_so(tmp_path: Path):
    load(tmp_path, book_text(price_row()))
    report = check_prices(tmp_path, NOW)
    assert any("does not exist" in warning for warning in report.warnings)


def test_another_books_ledger_is_told_and_not_held_against_this_one(tmp_path: Path):
    accepted(tmp_path, book_text(*(price_row(f"r{n}", model=f"m{n}") for n in range(30))))
    change(tmp_path, book_text(price_row("other", model="x")))
    report = check_prices(tmp_path, NOW)
    assert any("another book" in warning for warning in report.warnings)
    assert check_prices(tmp_path, NOW, accept=True).ledger_rows == 1


def test_deleting_a_few_of_many_is_never_taken_for_another_book(tmp_path: Path):
    rows = [price_row(f"r{n}", model=f"m{n}") for n in range(60)]
    accepted(tmp_path, book_text(*rows))
    change(tmp_path, book_text(*rows[29:]))
    assert "was accepted" in refused(tmp_path).message


def test_the_left_overs_of_a_merge_are_refused_with_their_line(tmp_path: Path):
    accepted(tmp_path, book_text(price_row()))
    ledger = tmp_path / "price_book.ledger"
    ledger.write_text("<<<<<<< ours\n" + ledger.read_text("utf-8"), encoding="utf-8")
    assert (refused(tmp_path).place or "").endswith("price_book.ledger:1")


def test_the_ledger_is_sorted_and_names_every_written_row_once(tmp_path: Path):
    book = load(tmp_path, book_text(price_row("b"), price_row("a", model="m2"), aliases=(alias_row(),)))
    check_prices(tmp_path, NOW, accept=True)
    ledger = parse_ledger((tmp_path / "price_book.ledger").read_text("utf-8"))
    assert list(ledger.entries) == sorted(fingerprints(book))
    assert not ledger.unreadable
    assert len({entry.sha256 for entry in ledger.entries.values()}) == 3


def test_a_price_that_calls_itself_an_alias_does_not_hide_one(tmp_path: Path):
    alias_key = "alias:acme/a1 exact from 2026-01-01T00:00:00Z recorded 2026-01-01T00:00:00Z"
    text = book_text(price_row(f"'{alias_key}'"), aliases=(alias_row(),))
    assert len(fingerprints(load(tmp_path, text))) == 2


def test_the_shipped_book_is_the_one_its_ledger_was_written_for():
    from tokencost_pipeline.pricing.read_book import load_price_book

    folder = Path(__file__).parents[3] / "pricing"
    ledger = parse_ledger((folder / "price_book.ledger").read_text("utf-8"))
    differences = compare(ledger, load_price_book(folder / "price_book.yaml"))
    assert (differences.refused, differences.is_foreign, ledger.unreadable) == (0, False, ())
    assert differences.new == (), "new rows: run `tokencost prices check --accept` and commit the ledger"
