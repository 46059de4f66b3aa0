"""`tokencost serve` over real sockets: what it answers, and what nobody gets out of it."""

from __future__ import annotations

import gzip
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from site_server import environment, served

from tokencost_pipeline.commands.serve import listen
from tokencost_pipeline.reports.site_app import Packed

SECRET = "nobody should read this"
SCRIPT = b"tokencost.receive('days', {});\n" * 100
HASHED = "data/days-0123456789.js"
IN_HASHED = "data/r/2026-11-20-0123456789/17.js"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("serve")
    (root / "secret.txt").write_text(SECRET)
    (root / "outside").mkdir()
    (root / "outside" / "index.html").write_text(SECRET)
    folder = root / "reports"
    files: dict[str, bytes] = {
        "site/index.html": b"<!doctype html><title>overview</title>" + b" " * 1000,
        "site/features/index.html": b"<!doctype html><title>features</title>",
        "site/features/chat-0123456789.html": b"<!doctype html><title>chat</title>",
        f"site/{HASHED}": SCRIPT,
        f"site/{IN_HASHED}": SCRIPT,
        "site/assets/style-0123456789.css": b"body{}",
        "site/version.js": b"tokencost.version({});",
        "site/empty/.keep": b"",
        "site/.hidden.html": SECRET.encode(),
        "api/stats.json": b'{"actual_cost": 1.5}',
        "csv/features.csv": b"feature,cost_usd\nchat,1.5\n",
        "markdown/index.md": SECRET.encode(),
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "site" / "link.txt").symlink_to(root / "secret.txt")
    (folder / "site" / "away").symlink_to(root / "outside")
    return folder


@pytest.fixture(scope="module")
def address(reports: Path) -> Iterator[str]:
    with served(reports, "/costs/") as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as opened:
        yield opened


def asked(address: str, target: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """One request with exactly this target: httpx would tidy it up first."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def test_whoever_knows_the_address_may_connect_before_the_first_answer() -> None:
    with listen(0) as listener, socket.create_connection(listener.getsockname(), timeout=5):
        pass


def test_pages_stats_and_csv_are_below_the_base_with_their_types(client: httpx.Client) -> None:
    shown = {
        "": ("text/html; charset=utf-8", b"overview"),
        "features/": ("text/html; charset=utf-8", b"features"),
        "features/chat-0123456789.html": ("text/html; charset=utf-8", b"chat"),
        "assets/style-0123456789.css": ("text/css; charset=utf-8", b"body"),
        "version.js": ("text/javascript; charset=utf-8", b"version"),
        "csv/features.csv": ("text/csv; charset=utf-8", b"chat,1.5"),
    }
    for path, (media_type, words) in shown.items():
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == media_type
        assert words in answer.content
    stats = client.get("api/stats.json")
    assert stats.headers["content-type"] == "application/json"
    assert stats.json() == {"actual_cost": 1.5}


def test_the_base_without_its_slash_and_the_root_lead_to_the_site(address: str) -> None:
    for target in ("/costs", "/"):
        answer = asked(address, target)
        assert (answer.status, answer.headers["Location"]) == (307, "/costs/")
    folder = asked(address, "/costs/features?tenant=acme")
    assert (folder.status, folder.headers["Location"]) == (307, "/costs/features/?tenant=acme")


def test_content_named_files_are_kept_for_ever_and_pages_are_asked_for_again(client: httpx.Client) -> None:
    for path in (HASHED, IN_HASHED, "assets/style-0123456789.css"):
        assert client.get(path).headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("", "version.js", "features/chat-0123456789.html", "api/stats.json", "csv/features.csv"):
        assert client.get(path).headers["cache-control"] == "no-cache", path


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_what_the_browser_has_already_is_not_sent_again(client: httpx.Client, coding: str) -> None:
    for path in ("", HASHED, "version.js"):
        first = client.get(path, headers={"Accept-Encoding": coding})
        again = client.get(
            path, headers={"Accept-Encoding": coding, "If-None-Match": f'"x", W/{first.headers["etag"]}'}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_new_generation_has_another_tag(client: httpx.Client, reports: Path) -> None:
    before = client.get("api/stats.json").headers["etag"]
    new = reports / "api" / "new"
    new.write_bytes(b'{"actual_cost": 2.5}')
    new.replace(reports / "api" / "stats.json")
    after = client.get("api/stats.json", headers={"If-None-Match": before})
    assert after.json() == {"actual_cost": 2.5}
    new.write_bytes(b'{"actual_cost": 1.5}')
    new.replace(reports / "api" / "stats.json")


def test_files_are_packed_only_where_the_browser_unpacks_them(address: str) -> None:
    for _ in range(2):  # the second answer comes from memory
        packed = asked(address, f"/costs/{HASHED}", **{"Accept-Encoding": "br, gzip;q=0.5"})
        body = packed.read()
        assert packed.headers["Content-Encoding"] == "gzip"
        assert len(body) < 200
        assert int(packed.headers["Content-Length"]) == len(body)
        assert gzip.decompress(body) == SCRIPT
    for refusal in ({}, {"Accept-Encoding": "gzip;q=0"}, {"Accept-Encoding": "br"}):
        plain = asked(address, f"/costs/{HASHED}", **refusal)
        assert plain.headers["Content-Encoding"] is None
        assert plain.headers["Vary"] == "Accept-Encoding"
        assert plain.read() == SCRIPT


def test_what_is_kept_packed_in_memory_is_bounded() -> None:
    kept = Packed(1000)
    contents = {name: (name * 7).encode() * 300 for name in "abcdefghijklmnopqrstuvwxyz" * 4}
    for _ in range(2):
        for number, content in enumerate(contents.values()):
            assert gzip.decompress(kept.get(str(number), content)) == content
            assert 0 < kept.held <= 1000
    large = bytes(range(256)) * 4 + str(list(range(2000))).encode()
    assert gzip.decompress(kept.get("large", large)) == large
    assert kept.held <= 1000


def test_head_says_what_get_would_send_without_sending_it(address: str) -> None:
    said, sent = asked(address, "/costs/", "HEAD"), asked(address, "/costs/")
    assert said.read() == b""
    assert said.headers["Content-Length"] == str(len(sent.read()))
    assert said.headers["ETag"] == sent.headers["ETag"]


def test_nothing_can_be_changed(address: str, reports: Path) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        answer = asked(address, "/costs/index.html", method)
        assert answer.status == 405, method
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "target",
    [
        "/costs/../../secret.txt",
        "/costs/%2e%2e/%2e%2e/secret.txt",
        "/costs/..%2f..%2fsecret.txt",
        "/costs/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/costs/..%5c..%5csecret.txt",
        "/costs/%252e%252e/secret.txt",
        "/costs/csv/../../secret.txt",
        "/costs/csv/..%2fmarkdown/index.md",
        "/costs/api/../markdown/index.md",
        "/costs/markdown/index.md",
        "/costs/link.txt",
        "/costs/away/",
        "/costs/away/index.html",
        "/costs/.hidden.html",
        "/costs/empty/.keep",
        "/costs//etc/passwd",
        "/costs/%2fetc/passwd",
        "/costs/index.html/",
        "/costs/index.html%00",
        "/costs/" + "a" * 5000,
        "/costs/%ff",
        "/secret.txt",
        "/costsindex.html",
    ],
)  # fmt: skip
def test_no_path_leaves_what_was_published(address: str, target: str) -> None:
    answer = asked(address, target)
    assert answer.status in {400, 404}, target
    assert SECRET.encode() not in answer.read()


@pytest.mark.parametrize("folder", ["empty/", "empty", "data/", "assets", "csv/", "api/", "csv", "api"])
def test_folders_are_not_listed(client: httpx.Client, folder: str) -> None:
    assert client.get(folder).status_code == 404


def test_another_name_for_this_machine_is_not_answered(address: str) -> None:
    port = urlsplit(address).port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "192.168.0.7", ""):
        answer = asked(address, "/costs/", Host=host)
        assert answer.status == 400, host
        assert b"overview" not in answer.read()
    for host in (f"127.0.0.1:{port}", "localhost", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert asked(address, "/costs/", Host=host).status == 200, host


def test_every_answer_tells_the_browser_to_be_strict(address: str) -> None:
    answers = [
        asked(address, "/costs/"),
        asked(address, "/costs/none"),
        asked(address, "/costs/", "POST"),
        asked(address, "/costs/", Host="evil.example"),
        asked(address, "/"),
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "Server" not in answer.headers


def serve(reports: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "tokencost_pipeline.cli", "serve", *arguments]
    return subprocess.run(
        command, env=environment(reports), capture_output=True, text=True, timeout=60, check=False
    )


def test_it_listens_on_this_machine_only_and_says_when_the_port_is_taken(address: str, reports: Path) -> None:
    port = urlsplit(address).port
    assert port is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.2", port)) != 0  # bound to one address, not to every one
    taken = serve(reports, "--port", str(port))
    assert taken.returncode == 2
    assert f"port {port} is taken" in taken.stderr
    assert "--port" in taken.stderr
    assert "Traceback" not in taken.stderr


def test_before_anything_was_published_it_says_what_to_do(tmp_path: Path) -> None:
    early = serve(tmp_path / "reports", "--port", "0")
    assert early.returncode == 2
    assert "tokencost run" in early.stderr
    wrong = serve(tmp_path / "reports", "--port", "0", "--base-path", "/a b/../")
    assert wrong.returncode == 2
    assert "--base-path" in wrong.stderr
