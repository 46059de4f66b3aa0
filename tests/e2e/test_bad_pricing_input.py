"""What a person may write wrongly into the price book, through the command line: exit code 2, file and line, what to
write instead, and the book that was in force stays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from pipeline_lab import Lab, new_lab

from tokencost_pipeline.cli import main
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.land import land_reference

PLAIN = {
    "id": "one",
    "provider": "openai",
    "model": "x",
    "region": "default",
    "service_tier": "standard",
    "currency": "USD",
    "effective_from": "'2026-01-01T00:00:00Z'",
    "recorded_at": "'2026-01-01T00:00:00Z'",
    "bands": "[{min_context_tokens: 0, rates: {input: '3', output: '15'}}]",
}


def row(**changes: str) -> str:
    return "- {" + ", ".join(f"{key}: {value}" for key, value in (PLAIN | changes).items()) + "}"


def rates(text: str) -> str:
    return f"[{{min_context_tokens: 0, rates: {{{text}}}}}]"


def book(*rows: str) -> str:
    return "\n".join(["schema_version: 1", "prices:", *rows]) + "\n"


GOOD = book(row())
NIGHT, LATE = "{utc_hours: ['22:00-02:00']}", "{utc_hours: ['01:00-03:00']}"

BAD: dict[str, tuple[str, int, str, str]] = {  # text, line, what is wrong, what to write instead
    "unknown component": (
        book(row(bands=rates("input: '3', cached_read: '1'"))),
        3,
        "unknown key 'cached_read'",
        "cache_read",
    ),
    "anchor": (book(row(id="&first one")), 3, "anchor '&first'", "write the value out"),
    "alias": (book(row(), row(id="two", bands="*one")), 4, "alias '*one'", "write the value out"),
    "tag": (book(row(), row(id="!!str two")), 4, "tag", "remove the tag"),
    "tag that would run something": (book(row(id="!python/object:os.system x")), 3, "tag", "remove the tag"),
    "float": (book(row(bands=rates("input: 3.0, output: '15'"))), 3, "3.0 is a YAML float", "'3.0'"),
    "scientific notation": (book(row(bands=rates("input: 1e-6, output: '15'"))), 3, "1e-6", "'0.000001'"),
    "scientific notation in quotes": (
        book(row(bands=rates("input: '1e-6', output: '15'"))),
        3,
        "scientific notation",
        "'0.000001'",
    ),
    "date without time": (
        book(row(effective_from="'2026-01-01'")),
        3,
        "'2026-01-01'",
        "'2026-01-01T00:00:00Z'",
    ),
    "date without quotes": (book(row(effective_from="2026-01-01")), 3, "YAML date", "'2026-01-01'"),
    "overlapping windows": (
        book(row(), row(id="night", window=NIGHT), row(id="late", window=LATE)),
        5,
        "hours of 'late' meet those of 'night' (line 4)",
        "",
    ),
    "overlapping versions": (book(row(), row(id="two")), 4, "'two' and 'one' (line 3)", "recorded_at"),
    "unknown currency": (book(row(currency="UDS")), 3, "unknown currency 'UDS'", "ISO 4217"),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A good book in force."""
    lab = new_lab(tmp_path_factory.mktemp("bad_input"))
    for name in ("price_book.ledger", "routing_baselines.yaml"):
        (lab.settings.pricing_dir / name).unlink()
    write(lab, GOOD)
    land_reference(lab.settings)
    return lab


def write(lab: Lab, text: str) -> None:
    (lab.settings.pricing_dir / "price_book.yaml").write_text(text, "utf-8")


def in_force(lab: Lab) -> dict[str, bytes]:
    folder: Path = lab.settings.landing_dir / "reference"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def tokencost(lab: Lab, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The command line in this process; its exit code."""
    for name, value in lab.environment.items():
        if name.startswith("TOKENCOST_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["tokencost", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def told(text: str) -> str:
    """Without the line breaks of the terminal."""
    return " ".join(text.split())


def test_the_book_the_others_are_bent_from_is_good(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(lab, GOOD)
    assert tokencost(lab, monkeypatch, "prices", "check") == 0
    assert "error" not in capsys.readouterr().err


@pytest.mark.parametrize("name", BAD)
def test_the_check_exits_with_2_and_says_where_and_what_instead_and_the_last_book_stays(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, line, what, instead = BAD[name]
    before = in_force(lab)
    write(lab, text)
    assert tokencost(lab, monkeypatch, "prices", "check") == 2
    said = told(capsys.readouterr().err)
    print(said)
    assert f"price_book.yaml:{line}: " in said
    assert what in said
    assert instead in said
    assert "Traceback" not in said

    with pytest.raises(UserError, match=rf"price_book\.yaml:{line}: "):
        land_reference(lab.settings)  # what a run does first
    assert in_force(lab) == before
    assert "prices.parquet" in before


def test_as_json_the_same_is_told_to_a_machine(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, line, what, instead = BAD["float"]
    write(lab, text)
    assert tokencost(lab, monkeypatch, "prices", "check", "--json") == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["place"].endswith(f"price_book.yaml:{line}")
    assert what in answer["message"]
    assert instead in answer["hint"]
