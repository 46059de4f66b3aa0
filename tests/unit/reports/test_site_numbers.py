"""The examples that hold the browser's numbers against these are up to date."""

from __future__ import annotations

import csv
import io

import pytest
from site_vectors import PATH, as_json

from tokencost_pipeline.reports import csvs
from tokencost_pipeline.reports.model import CsvFile


def test_examples_for_the_browser_are_what_python_shows() -> None:
    assert PATH.read_text("ascii") == as_json(), "run `python tests/unit/reports/site_vectors.py`"


@pytest.mark.parametrize("name", ["a\r=1+1", "a\n=1+1", 'a"\r"', "a,\r\n=b"])
def test_no_part_of_a_name_becomes_a_cell_of_its_own(name: str) -> None:
    text = csvs.render(CsvFile("x", ("a", "b"), [{"a": name, "b": 1}]))
    assert text.startswith('a,b\n"')
    assert text.endswith('",1\n')
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == [name, "1"]
