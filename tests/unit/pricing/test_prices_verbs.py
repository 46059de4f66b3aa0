"""The verbs as people call them: output, JSON and exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from price_book_texts import BANDS, book_text, load, price_row
from typer.testing import CliRunner, Result

from tokencost_pipeline.cli import app
from tokencost_pipeline.errors import UserError

SHIPPED = Path(__file__).parents[3] / "pricing"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOKENCOST_PRICING_DIR", str(tmp_path))
    load(tmp_path, book_text(price_row()))
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["prices", *words])


def test_the_shipped_folder_passes_its_own_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "pricing"
    shutil.copytree(SHIPPED, folder)
    monkeypatch.setenv("TOKENCOST_PRICING_DIR", str(folder))
    result = call("check", "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["ok"], answer["new_rows"], answer["warnings"]) == (0, True, [], [])
    assert answer["ledger_rows"] == answer["rows"]["price_book.yaml"]
    assert answer["rows"]["alerts.yaml"] > 0


def test_check_tells_an_edit_on_stderr_and_as_json_with_exit_code_2(folder: Path):
    assert call("check", "--accept").exit_code == 0
    load(folder, book_text(price_row(rest=BANDS.replace("'3'", "'4'"))))
    result = call("check")
    assert isinstance(result.exception, UserError)
    assert "price_book.yaml:3" in str(result.exception)
    result = call("check", "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["ok"]) == (2, False)
    assert answer["place"].endswith("price_book.yaml:3")
    assert "later" not in answer["message"]


@pytest.mark.parametrize("name", ["routing_baselines.yaml", "alerts.yaml", "fx_rates.yaml", "discounts.yaml"])
def test_check_reads_every_file_and_names_all_bad_ones_at_once(folder: Path, name: str):
    (folder / name).write_text("schema_version: 1\nwhat: 3.0\n", encoding="utf-8")
    (folder / "price_book.ledger").write_text("nonsense\n", encoding="utf-8")
    told = str(call("check").exception)
    assert f"{name}:2" in told
    assert "price_book.ledger:1" in told


def test_history_prints_versions_and_a_chart(folder: Path):
    result = call("history", "m1")
    assert result.exit_code == 0
    assert "acme/m1" in result.stdout
    assert "█" in result.stdout
    (answer,) = json.loads(call("history", "m1", "--json").stdout)
    assert answer["versions"][0]["bands"][0]["rates"] == {"input": "3", "output": "15"}


def test_history_of_an_unknown_model_is_an_error_that_names_the_book(folder: Path):
    assert "price_book.yaml" in str(call("history", "nope").exception)
    assert isinstance(call("history", "m1", "--provider", "nobody").exception, UserError)


def test_diff_without_the_catalogue_tells_the_command_to_install_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    import importlib.util

    monkeypatch.setattr("importlib.import_module", _missing)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for source in ("genai-prices", "litellm"):
        assert f"pip install {source}" in str(call("diff", "--source", source).exception)


def test_diff_refuses_a_source_it_does_not_know(folder: Path):
    assert call("diff", "--source", "the-internet").exit_code == 2


def _missing(name: str) -> None:
    raise ImportError(name)
