"""kill -9 anywhere, then run: as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from pipeline_lab import Lab, event, new_lab

# Builds the marts and kills itself when the named model is done.
BUILD_AND_DIE = """
import os, signal, sys
from dbt.cli import main

class Doomed(main.dbtRunner):
    def __init__(self):
        super().__init__(callbacks=[die])

def die(event):
    if event.info.name == "NodeFinished" and event.data.node_info.node_name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

main.dbtRunner = Doomed
from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.settings import load_settings
build_warehouse(load_settings())
"""


def lines(count: int) -> list[dict]:
    start = datetime(2026, 11, 18, tzinfo=UTC)
    return [event(n, start + timedelta(minutes=7 * n), request_id=f"r{n // 2}") for n in range(count)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    lab = new_lab(tmp_path_factory.mktemp("undisturbed"))
    lab.drop("events", "a.jsonl", lines(300))
    lab.run()
    return lab.marts()


@pytest.mark.parametrize("model", ["fct_attempts", "agg_hourly", "applied_batches"])
def test_a_run_killed_in_dbt_is_made_good_by_the_next(lab: Lab, undisturbed: dict, model: str) -> None:
    lab.drop("events", "a.jsonl", lines(100))
    lab.run()
    lab.drop("events", "b.jsonl", lines(300)[100:])
    lab.land()
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD_AND_DIE, model],
        env=lab.environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    lab.run()

    marts = lab.marts()
    for name, rows in undisturbed.items():
        if name != "fct_attempts":
            assert marts[name] == rows, name
    assert len(marts["fct_attempts"]) == 300


def spend_log(call: str, at: str) -> dict:
    return {
        "request_id": f"chatcmpl-{call}",
        "litellm_call_id": call,
        "call_type": "acompletion",
        "spend": 0.0,
        "prompt_tokens": 1_000_000,
        "completion_tokens": 0,
        "total_tokens": 1_000_000,
        "startTime": at,
        "endTime": at,
        "model": "openai/gpt-4o-mini",
        "model_group": "gpt-4o-mini",
        "custom_llm_provider": "openai",
        "metadata": {},
        "cache_hit": "False",
        "status": "success",
    }


def payload(call: str, epoch: float) -> dict:
    return {
        "id": f"chatcmpl-{call}",
        "litellm_call_id": call,
        "call_type": "acompletion",
        "status": "success",
        "custom_llm_provider": "openai",
        "model": "openai/gpt-4o-mini",
        "model_group": "gpt-4o-mini",
        "startTime": epoch,
        "endTime": epoch + 1,
        "prompt_tokens": 1_000_000,
        "completion_tokens": 0,
        "total_tokens": 1_000_000,
        "response_cost": 0.0,
        "metadata": {},
        "cache_hit": None,
        "request_tags": [],
    }


def test_a_call_that_moves_to_another_hour_leaves_no_money_behind_when_the_run_dies(lab: Lab) -> None:
    """The table says 10:59, the payload 11:00:05: after the kill the marts alone cannot tell what was replaced."""
    lab.drop("litellm_spend_logs", "t.jsonl", [spend_log("c1", "2026-11-20 10:59:59")])
    lab.run()
    lab.drop(
        "litellm_payload",
        "p.jsonl",
        [payload("c1", datetime(2026, 11, 20, 11, 0, 5, tzinfo=UTC).timestamp())],
    )
    lab.land()
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD_AND_DIE, "fct_attempts"],
        env=lab.environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    lab.run()
    assert lab.ask("select hour::varchar, attempts, cost_usd::varchar from marts.agg_hourly") == [
        ("2026-11-20 11:00:00+00", 1, "0.150000000000000")
    ]


@pytest.mark.parametrize("point", ["before_manifest", "after_manifest"])
def test_the_command_killed_in_ingest_is_made_good_by_the_next(lab: Lab, point: str) -> None:
    lab.drop("events", "a.jsonl", lines(300))
    killed = lab.tokencost("run", TOKENCOST_CRASH_AT=point)
    assert killed.returncode == -signal.SIGKILL
    if point == "before_manifest":
        again = lab.tokencost("run", "--json")  # the killed run's pool slot does not stop it
        assert again.returncode == 0, again.stderr
        assert lab.ask("select count(*) from marts.fct_attempts") == [(300,)]
    else:
        report = lab.land()
        assert report.total.events == (0 if point == "after_manifest" else 300)
    assert lab.land().total.lines == 0
