"""Several programs at once: one waits, or says who is in the way; readers go on with what was published."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from pipeline_lab import Lab, event, new_lab

from tokencost_pipeline.errors import Busy
from tokencost_pipeline.warehouse.read_only import wait_for_the_file

HOLD = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""
OPEN_HISTORY = """
import sys
import dagster as dg
from tokencost_pipeline.instance import create_storage, prepare_dagster_home
from tokencost_pipeline.settings import load_settings
settings = load_settings()
print("ready", flush=True)
sys.stdin.readline()
prepare_dagster_home(settings)
create_storage(settings)
with dg.DagsterInstance.get() as instance:
    print(len(instance.get_runs()), "runs")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return new_lab(tmp_path_factory.mktemp("concurrency"))


@contextmanager
def notebook(path: Path) -> Iterator[int]:
    """Another program that has the warehouse open; its process id."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.stdin.close()


def test_two_runs_at_once_are_as_good_as_one_after_the_other(lab: Lab) -> None:
    lab.drop("events", "a.jsonl", [event(n, "2026-11-10T09:00:00Z") for n in range(30)])

    runs = [lab.start("run", "--json") for _ in range(2)]
    told = [(process.communicate(timeout=300), process.returncode) for process in runs]

    assert [code for _, code in told] == [0, 0], told
    summaries = [orjson.loads(output) for (output, _), _ in told]
    assert sorted(summary["new_rows"] for summary in summaries) in ([0, 30], [30, 30])
    assert [summary["attempts"] for summary in summaries] == [30, 30]
    assert lab.ask("select count(*) from marts.fct_attempts") == [(30,)]


def test_those_who_open_a_new_history_at_once_can_all_open_it(tmp_path: Path) -> None:
    lab = new_lab(tmp_path)
    command = [sys.executable, "-W", "ignore", "-c", OPEN_HISTORY]
    together = [
        subprocess.Popen(command, env=lab.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in together:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
    for process in together:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()

    assert [process.communicate(timeout=120)[0] for process in together] == [b"0 runs\n"] * 4


def test_a_run_says_which_program_holds_the_warehouse_and_readers_go_on(lab: Lab) -> None:
    lab.drop("events", "b.jsonl", [event(n, "2026-11-11T09:00:00Z") for n in range(30, 50)])
    lab.land()

    with notebook(lab.settings.warehouse_path) as pid:
        with pytest.raises(Busy) as held:
            wait_for_the_file(lab.settings, patience_seconds=0.2)
        stats = lab.start("stats", "--json")
        output, _ = stats.communicate(timeout=60)

    assert str(pid) in held.value.message
    assert str(lab.settings.warehouse_path) in str(held.value)
    assert "close the program" in str(held.value)
    assert stats.returncode == 0
    assert orjson.loads(output)["total_requests"] == 30

    lab.build()
    assert lab.ask("select count(*) from marts.fct_attempts") == [(50,)]


READY = """
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.ready import make_ready
make_ready(load_settings())
"""


def test_a_held_file_of_one_engine_is_no_business_of_the_other(lab: Lab) -> None:
    with notebook(lab.settings.warehouse_path):
        subprocess.run(
            [sys.executable, "-c", READY],
            env={**lab.environment, "TOKENCOST_TARGET": "clickhouse"},
            check=True,
            timeout=60,
        )
