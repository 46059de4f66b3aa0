"""Shared by the alert tests: an incident, settings, short patience, and a real HTTP server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tokencost_pipeline.alerts.options import DeliveryOptions
from tokencost_pipeline.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def incident() -> Callable[..., dict[str, Any]]:
    def build(**changes: Any) -> dict[str, Any]:
        row = {
            "incident_id": "0123456789abcdef",
            "opened_at": datetime(2026, 11, 21, tzinfo=UTC),
            "resolved_at": None,
            "status": "open",
            "dimension": "feature",
            "entity": "summarise",
            "rule": "cost_vs_7_day_mean",
            "actual_usd": Decimal("42.100000000000000"),
            "expected_usd": Decimal("13.050000000000000"),
            "excess_usd": Decimal("29.050000000000000"),
            "score": Decimal("3.2261"),
            "severity": "ERROR",
            "day": date(2026, 11, 21),
            "window_from": datetime(2026, 11, 21, tzinfo=UTC),
            "window_to": datetime(2026, 11, 21, 12, tzinfo=UTC),
            "ratio": Decimal("3.2261"),
        }
        return {**row, **changes}

    return build


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    def build(url: str | None, secret: str | None = SECRET) -> Settings:
        return Settings(
            _env_file=None,  # type: ignore[call-arg]
            data_dir=tmp_path / "data",
            pricing_dir=tmp_path / "pricing",
            webhook_url=url,
            webhook_secret=secret,
        )

    return build


@pytest.fixture
def hasty() -> DeliveryOptions:
    """Patience in milliseconds."""
    return DeliveryOptions(
        connect_timeout_seconds=1,
        read_timeout_seconds=0.2,
        attempt_deadline_seconds=0.4,
        run_deadline_seconds=5,
        attempts=3,
        first_wait_seconds=0.001,
        longest_wait_seconds=0.01,
    )


Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers with the scripted behaviours in turn, and with the last of them for ever."""

    script: list[Behaviour]
    posts: list[Post] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def answer(status: int, **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return behave


def silence(receiver: Receiver) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        receiver.stopping.wait(10)

    return behave


def drip(receiver: Receiver, seconds_between: float) -> Behaviour:
    """One byte of an endless header at a time: each read succeeds, the answer never comes."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
            while not receiver.stopping.wait(seconds_between):
                handler.wfile.write(b"a")
                handler.wfile.flush()
        except OSError:
            return

    return behave


@contextmanager
def receiving(*script: Behaviour) -> Iterator[Receiver]:
    receiver = Receiver(list(script) or [answer(200)])
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            post = Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            with turn:
                receiver.posts.append(post)
                behave = receiver.script[min(len(receiver.posts), len(receiver.script)) - 1]
            behave(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        # Threads of silent receivers end with the test, not ten seconds later.
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def http() -> SimpleNamespace:
    """`receiving(*script)` starts a server; `answer`, `silence` and `drip` are what a script is made of."""
    return SimpleNamespace(receiving=receiving, answer=answer, silence=silence, drip=drip, secret=SECRET)
