"""The price watch warns of newer prices and not of mere differences; suggestions are near, cheap and the same twice."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from catalogue_shapes import info, prices, provider, starting
from installed_catalogues import install_genai, install_litellm, nothing_but
from price_book_texts import BANDS, alias_row, book_text, load, price_row
from typer.testing import CliRunner

from tokencost_pipeline.checks.price_watch import verdict
from tokencost_pipeline.cli import app
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.catalogues import Catalogue, from_genai_prices, from_litellm
from tokencost_pipeline.pricing.memory import Memory
from tokencost_pipeline.pricing.nearest import Finder
from tokencost_pipeline.pricing.suggest import book_as_catalogue, nearest_of, nearest_row, suggester
from tokencost_pipeline.pricing.watch import NewerPrice, newer_prices, watch_prices
from tokencost_pipeline.settings import Settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAP = {"m1": {"litellm_provider": "acme", "input_cost_per_token": 4e-06, "output_cost_per_token": 1.5e-05}}
DATED = "[provider('acme', model('m1', [since('2026-10-01', input_mtok='4', output_mtok='15')]))]"


def genai(*models: Any) -> Catalogue:
    return from_genai_prices([provider("acme", *models)], "0.0", NOW)


def newer(folder: Path, text: str, *catalogues: Catalogue) -> list[NewerPrice]:
    return newer_prices(load(folder, text), catalogues, NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "pricing").mkdir()
    load(tmp_path / "pricing", book_text(price_row()))
    return Settings(pricing_dir=tmp_path / "pricing", data_dir=tmp_path / "data")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with nothing_but(tmp_path / "site", monkeypatch) as folder:
        yield folder


def test_a_price_dated_after_the_books_is_newer_and_says_where_to_look(tmp_path: Path) -> None:
    dated = genai(info("m1", [starting("2026-10-01", input_mtok="4", output_mtok="15")]))
    (found,) = newer(tmp_path, book_text(price_row()), dated)
    assert (found.since, found.book_since, found.sources) == (
        "2026-10-01",
        "2026-01-01",
        ("genai-prices 0.0",),
    )
    assert found.differences == ("input: 3 in the book, 4 in the catalogue",)
    assert found.row["see the YAML"] == "tokencost prices diff --source genai-prices --model m1"


@pytest.mark.parametrize(
    "said",
    [
        prices(input_mtok="4", output_mtok="15"),  # no date
        [starting("2025-12-01", input_mtok="4", output_mtok="15")],  # ours is newer
        [starting("2026-01-01", input_mtok="4", output_mtok="15")],  # of the same day
        [starting("2026-10-01", input_mtok="3", output_mtok="15")],  # a later date, and no other price
    ],
)
def test_a_mere_difference_is_not_newer(tmp_path: Path, said: Any) -> None:
    assert newer(tmp_path, book_text(price_row()), genai(info("m1", said))) == []


def test_a_price_of_ours_that_begins_later_on_the_same_day_is_as_new(settings: Settings, site: Path) -> None:
    """Catalogues know days: at noon theirs of today has begun, ours of 16:00 has not."""
    before = price_row("before", rest=BANDS.replace("'3'", "'2'"))
    load(settings.pricing_dir, book_text(before, price_row(effective_from="'2026-11-21T16:00:00Z'")))
    install_genai(site, DATED.replace("2026-10-01", "2026-11-21").replace("'4'", "'3'"))
    watch = watch_prices(settings, [], NOW, names=("genai-prices",))
    assert (watch.newer, watch.unused, watch.undated, watch.unreadable) == ((), (), {}, {})
    yesterday = watch_prices(settings, [], datetime(2026, 11, 20, 12, tzinfo=UTC), names=("genai-prices",))
    assert yesterday.undated == {}, "and yesterday theirs had not begun either"


def test_two_catalogues_that_agree_are_news_without_a_date_and_two_that_differ_are_not(
    tmp_path: Path,
) -> None:
    undated = genai(info("m1", prices(input_mtok="4", output_mtok="15")))
    (found,) = newer(tmp_path, book_text(price_row()), undated, from_litellm(MAP, "1.0"))
    assert found.since is None
    assert found.sources == ("genai-prices 0.0", "litellm 1.0")
    other = {"m1": {**MAP["m1"], "input_cost_per_token": 5e-06}}
    assert newer(tmp_path, book_text(price_row()), undated, from_litellm(other, "1.0")) == []


def test_a_leap_is_told_as_doubtful(tmp_path: Path) -> None:
    dated = genai(info("m1", [starting("2026-10-01", input_mtok="40", output_mtok="15")]))
    (found,) = newer(tmp_path, book_text(price_row()), dated)
    assert "needs a second source" in found.row["doubts"]


def test_without_a_catalogue_the_watch_says_how_to_get_one_and_reads_nothing(settings: Settings) -> None:
    (settings.pricing_dir / "price_book.yaml").write_text("prices: [", "utf-8")
    watch = watch_prices(settings, [("acme", "m1")], NOW, names=())
    assert "pip install '.[catalogues]'" in watch.told
    result = verdict(watch)
    assert (result.passed, result.description) == (True, watch.told)
    assert not settings.data_dir.exists()


def test_installed_catalogues_warn_for_used_models_only(settings: Settings, site: Path) -> None:
    install_genai(site, DATED)
    watch = watch_prices(settings, [("acme", "m1")], NOW, names=("genai-prices",))
    assert [it.model for it in watch.newer] == ["m1"]
    assert watch.catalogues == {"genai-prices": "1.0"}
    result = verdict(watch)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "acme/m1" in str(result.metadata["models"].value)
    elsewhere = watch_prices(settings, [("other", "m1")], NOW, names=("genai-prices",))
    assert (elsewhere.newer, [it.model for it in elsewhere.unused]) == ((), ["m1"])
    assert verdict(elsewhere).passed


def test_undated_differences_are_counted_and_no_warning(settings: Settings, site: Path) -> None:
    install_litellm(site, MAP)
    watch = watch_prices(settings, [("acme", "m1")], NOW, names=("litellm",))
    assert (watch.newer, watch.undated) == ((), {"litellm": 1})
    assert verdict(watch).passed


def test_an_answer_is_remembered_until_the_catalogue_the_book_or_the_day_changes(
    settings: Settings, site: Path
) -> None:
    def undated(now: datetime = NOW) -> dict[str, int]:
        return dict(watch_prices(settings, [], now, names=("litellm",)).undated)

    install_litellm(site, MAP)
    assert undated() == {"litellm": 1}
    same = {"m1": {**MAP["m1"], "input_cost_per_token": 3e-06}}
    (site / "litellm" / "model_prices_and_context_window_backup.json").write_text("not read again", "utf-8")
    assert undated() == {"litellm": 1}, "the same version is not opened twice"
    install_litellm(site, same, version="1.1")
    assert undated() == {}
    load(settings.pricing_dir, book_text(price_row(rest=BANDS.replace("'3'", "'2'"))))
    assert undated() == {"litellm": 1}
    (site / "litellm" / "model_prices_and_context_window_backup.json").write_text("broken", "utf-8")
    assert watch_prices(settings, [], datetime(2026, 11, 22, tzinfo=UTC), names=("litellm",)).unreadable


def test_a_catalogue_that_cannot_be_read_is_told_and_stops_nothing(settings: Settings, site: Path) -> None:
    install_genai(site, "[1 / 0]")
    watch = watch_prices(settings, [], NOW, names=("genai-prices",))
    assert "ZeroDivisionError" in watch.told
    assert (verdict(watch).passed, verdict(watch).severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_broken_memory_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text('{"key": {"a": 1}, "answers": [', "utf-8")
    memory = Memory(path, {"a": 1})
    assert "question" not in memory
    memory.keep({"question": None})
    assert Memory(path, {"a": 1})["question"] is None
    assert "question" not in Memory(path, {"a": 2})
    (tmp_path / "file").write_text("", "utf-8")
    unwritable = Memory(tmp_path / "file" / "answers.json", {})
    unwritable.keep({"question": 7})
    assert unwritable["question"] == 7


SIBLINGS = book_text(
    price_row("dated", model="m2-2026-01-01"),
    price_row("ended", model="m3", effective_from="'2025-01-01T00:00:00Z'"),
    price_row("end", rest="status: ended", model="m3", effective_from="'2025-06-01T00:00:00Z'"),
    price_row("euro", model="m4", currency="EUR"),
    price_row("batch", model="m5", service_tier="batch"),
    aliases=(alias_row(alias="old-name", model="m3"),),
)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("m2", ("m2-2026-01-01", "the base name at the same provider")),
        ("m3", ("m3", "the same provider's entry")),  # its last price, although it ended
        ("old-name", ("m3", "the same provider's entry")),
        ("m4-2026-02-02", None),  # a price in another currency would be read as USD
        ("m5", None),  # and a batch price as the standard one
        ("m20", None),
    ],
)
def test_without_a_catalogue_the_books_own_sibling_is_suggested(
    settings: Settings, wanted: str, expected: tuple[str, str] | None
) -> None:
    load(settings.pricing_dir, SIBLINGS)
    found = suggester(settings, ())([("acme", wanted)], NOW).get(("acme", wanted))
    assert (found and (found.model, found.how)) == expected
    if found:
        assert found.source == "price book"
        assert (found.price, found.figures["input"], found.figures["output"]) == ("3 in, 15 out", 3, 15)
        assert found.see == f"tokencost prices history {found.model} --provider acme"


def test_the_catalogue_comes_first_unless_the_book_is_nearer(tmp_path: Path) -> None:
    book = load(tmp_path, book_text(price_row()))
    own = Finder(book_as_catalogue(book, NOW))
    theirs = Finder(genai(info("m1", prices(input_mtok="4", output_mtok="15"))))
    strangers = from_genai_prices([provider("zeta", info("m1", prices(input_mtok="9")))], "0", NOW)
    dated = nearest_of("acme", "m1-2026-03-03", [theirs, own])
    assert dated is not None
    assert dated.catalogue.startswith("genai-prices")
    near = nearest_of("acme", "m1-2026-03-03", [Finder(strangers), own])
    assert near is not None
    assert near.catalogue.startswith("price book")


def test_the_same_question_has_the_same_answer_with_and_without_memory(
    settings: Settings, site: Path
) -> None:
    install_genai(site, DATED)
    suggest = suggester(settings, ("genai-prices",))
    wanted = [("acme", "m1-2026-03-03"), ("acme", "nothing-like-it")]
    first = suggest(wanted, NOW)
    assert [it.source for it in first.values()] == ["genai-prices 1.0"]
    assert first[wanted[0]].since == "2026-10-01"
    assert suggest(wanted, NOW) == first
    (settings.data_dir / "price_answers.json").unlink()
    assert suggest(wanted, NOW) == first


def test_a_book_with_a_mistake_suggests_nothing(settings: Settings) -> None:
    (settings.pricing_dir / "price_book.yaml").write_text("prices: [", "utf-8")
    assert suggester(settings, ())([("acme", "m2")], NOW) == {}
    with pytest.raises(UserError):
        load(settings.pricing_dir, "prices: [")


def test_the_row_of_another_name_is_proposed_as_doubtful_and_a_known_model_not_at_all(tmp_path: Path) -> None:
    book = load(tmp_path, book_text(price_row()))
    near = genai(info("m9", prices(input_mtok="4", output_mtok="15")))
    same, other = (nearest_row(book, near, "acme", name, NOW) for name in ("m9", "m9-2026-03-03"))
    assert same is not None
    assert (same.doubts, same.row.model) == ((), "m9")
    assert other is not None
    assert "this is the price of acme/m9" in other.yaml
    assert all(line.startswith("#") for line in other.yaml.splitlines())
    assert nearest_row(book, near, "acme", "m1", NOW) is None
    assert nearest_row(book, near, "acme", "m10", NOW) is None
    pasted = load(tmp_path, book_text(price_row()) + same.yaml + "\n")
    assert nearest_row(pasted, near, "acme", "m9", NOW) is None


def test_the_command_that_a_suggestion_names_prints_a_row_to_paste(
    settings: Settings, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENCOST_PRICING_DIR", str(settings.pricing_dir))
    install_litellm(site, {"new one": MAP["m1"]})
    wanted = ("acme", "new one")
    command = suggester(settings, ("litellm",))([wanted], NOW)[wanted].see
    assert command == "tokencost prices diff --source litellm --provider acme --model 'new one'"
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    row = load(settings.pricing_dir, book_text(price_row()) + result.stdout).prices[1]
    assert (row.model, f"{row.bands[0].rates['input']:f}") == ("new one", "4")
    elsewhere = CliRunner().invoke(app, ["prices", "diff", "--source", "litellm", "--provider", "zeta"])
    assert "0 rows proposed" in elsewhere.stdout
