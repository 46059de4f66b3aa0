"""The command line as a newcomer meets it, on the sample that ships."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pipeline_lab import Lab, new_lab
from standardwebhooks import Webhook

from tokencost_pipeline.settings import PROJECT_ROOT

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RUN_AND_NAME_MODULES = """
import sys
from tokencost_pipeline.cli import main

sys.argv = ["tokencost", "run", "--json"]
try:
    main()
finally:
    print(*{name.split(".")[0] for name in sys.modules}, file=sys.stderr)
"""
NOT_NEEDED = {"altair", "vl_convert", "pandas", "starlette", "uvicorn"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("sample"))
    lab.as_of = "now"
    for folder in (PROJECT_ROOT / "raw").iterdir():
        if folder.is_dir():
            shutil.copytree(folder, lab.settings.raw_dir / folder.name)
    first = lab.tokencost("run", "--json")
    assert first.returncode == 0, first.stderr
    (lab.root / "first.json").write_text(first.stdout)
    return lab


def test_the_first_run_is_never_empty_and_the_second_changes_nothing(sample: Lab) -> None:
    first = json.loads((sample.root / "first.json").read_text())
    assert first["requests"] > 5000
    assert first["new_rows"] == first["attempts"]
    assert first["is_sample"] is True
    assert first["as_of"].startswith("2026-11-21")
    assert first["unpriced_attempts"] > 0
    pages = tree(sample.settings.reports_dir)
    assert sample.settings.reports_dir / "markdown" / "index.md" in pages

    again = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN_AND_NAME_MODULES],
        env=sample.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert set(again.stderr.split()) & NOT_NEEDED == set()
    second = json.loads(again.stdout)
    assert second["new_rows"] == 0
    moving = {"new_rows", "seconds"}
    assert {k: v for k, v in second.items() if k not in moving} == {
        k: v for k, v in first.items() if k not in moving
    }
    assert tree(sample.settings.reports_dir) == pages


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_stats_agree_with_the_warehouse_and_the_published_file(sample: Lab) -> None:
    answer = sample.tokencost("stats", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == json.loads(
        (sample.settings.reports_dir / "api" / "stats.json").read_text()
    )
    stats = json.loads(answer.stdout, parse_float=Decimal, parse_int=Decimal)
    [(cost, requests, unpriced)] = sample.ask(
        "select sum(cost_usd), (select count(*) from marts.fct_requests), sum(unpriced_attempts)::int"
        " from marts.agg_daily"
    )
    assert stats["actual_cost"] == cost
    assert stats["total_requests"] == requests
    assert stats["unpriced"]["attempts"] == unpriced
    promised = {"hypothetical_cost", "total_saved", "savings_percent", "anthropic_requests", "local_requests"}
    promised |= {"unpriced_requests", "models", "window", "last_updated"}
    assert promised <= set(stats)
    assert stats["total_saved"] == stats["hypothetical_cost"] - stats["actual_cost"]


def test_config_masks_secrets_and_names_the_variable_to_mend(lab: Lab) -> None:
    answer = lab.tokencost(
        "config", "--json", TOKENCOST_WEBHOOK_URL="https://hooks.example.com/T0/very-secret"
    )
    assert answer.returncode == 0
    assert "very-secret" not in answer.stdout
    assert json.loads(answer.stdout)["TOKENCOST_TIMEZONE"] == "UTC"

    wrong = lab.tokencost("config", TOKENCOST_AS_OF="2026-11-21T10:00:00")
    assert wrong.returncode == 2
    assert "TOKENCOST_AS_OF" in wrong.stderr
    assert "offset" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_errors_teach(lab: Lab) -> None:
    early = lab.tokencost("stats")
    assert early.returncode == 2
    assert "tokencost run" in early.stderr
    unknown = lab.tokencost("run", "--from", "yesterday")
    assert unknown.returncode == 2
    shutil.rmtree(lab.settings.raw_dir)
    missing = lab.tokencost("run")
    assert missing.returncode == 2
    assert "TOKENCOST_RAW_DIR" in missing.stderr
    sick = lab.tokencost("doctor", "--json")
    assert sick.returncode == 1
    assert {f["look"]: f["state"] for f in json.loads(sick.stdout)}["raw folder"] == "fail"


class Receiver(http.server.BaseHTTPRequestHandler):
    posts: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Tests speak through their asserts."""


def test_a_lengthened_prompt_alerts_once_signed_and_names_the_feature(lab: Lab) -> None:
    lab.as_of = "2026-11-20T15:30:00Z"
    demo = lab.tokencost("demo", "--spike", "summarise", "--json")
    assert demo.returncode == 0, demo.stderr
    posts: list[tuple[dict[str, str], bytes]] = []
    handler = type("Here", (Receiver,), {"posts": posts})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        hook = {
            "TOKENCOST_WEBHOOK_URL": f"http://127.0.0.1:{server.server_port}/hook",
            "TOKENCOST_WEBHOOK_SECRET": SECRET,
        }
        run = lab.tokencost("run", **hook)
        assert run.returncode == 0, run.stderr
        told = len(posts)
        bodies = [Webhook(SECRET).verify(body, headers) for headers, body in posts]
        [spike] = [b for b in bodies if b["data"].get("entity") == "summarise"]
        assert spike["data"]["dimension"] == "feature"
        assert float(spike["data"]["ratio"]) >= 1.5
        assert "summarise" in spike["text"]
        assert lab.ask(
            "select entity from marts.anomalies where status = 'open' and dimension = 'feature'"
        ) == [("summarise",)]

        again = lab.tokencost("run", **hook)
        assert again.returncode == 0, again.stderr
        assert len(posts) == told
        assert lab.ask("select distinct status from alerts.outbox") == [("delivered",)]
    finally:
        server.shutdown()
        server.server_close()
