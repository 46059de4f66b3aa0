"""One POST that cannot be led astray: no redirect, no proxy, no forbidden address, no longer than its
deadline.

It speaks through httpcore, httpx's own engine, and not through an httpx client: a client writes the whole
URL, with the secret in its path, to the log, and its time-outs start anew with every byte a slow receiver
drips.
"""

from __future__ import annotations

import base64
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpcore
import httpx

from tokencost_pipeline.alerts.options import DeliveryOptions

Verdict = Literal["delivered", "retry", "failed", "gone", "refused"]

FORBIDDEN_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # "this host": reaches loopback under another name
        "169.254.0.0/16",  # link-local, home of cloud metadata
        "192.0.0.0/24",  # protocol assignments, metadata of one cloud
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "100.100.100.200/32",  # cloud metadata outside of link-local
        "168.63.129.16/32",
        "fd00:ec2::/32",
        "fd20:ce::/32",
        "::/128",
        "64:ff9b::/96",  # NAT64: any IPv4 address in disguise
        "64:ff9b:1::/48",
        "2002::/16",  # 6to4, likewise
        "2001::/32",  # Teredo, likewise
        "fe80::/10",
        "ff00::/8",
    )
)
"""Never posted to. Loopback and private ranges are allowed: self-hosted receivers live there."""

_TEMPORARY_4XX = (408, 425, 429)


@dataclass(frozen=True)
class Answer:
    """What became of one attempt. `reason` is fit to be shown: it holds no part of the URL."""

    verdict: Verdict
    reason: str | None = None
    retry_after_seconds: float | None = None


class Refused(Exception):
    """The host leads to an address that is never posted to."""


def post(
    url: httpx.URL, headers: dict[str, str], body: bytes, options: DeliveryOptions, within: float
) -> Answer:
    """POST once, all told within `within` seconds. Never raises for what the network or the receiver does."""
    request = httpx.Request("POST", url, headers=headers, content=body)
    if url.userinfo:
        user = f"{url.username}:{url.password}".encode()
        request.headers["authorization"] = "Basic " + base64.b64encode(user).decode("ascii")
    deadline = _Deadline(min(within, options.attempt_deadline_seconds))
    timeouts = {
        "connect": options.connect_timeout_seconds,
        "read": options.read_timeout_seconds,
        "write": options.read_timeout_seconds,
    }
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    trusted = httpx.create_ssl_context() if url.scheme == "https" else None
    pool = httpcore.ConnectionPool(ssl_context=trusted, network_backend=_Backend(deadline))
    try:
        with (
            pool,
            pool.stream(
                "POST",
                target,
                headers=request.headers.raw,
                content=body,
                extensions={"timeout": timeouts},
            ) as response,
        ):
            return _judged(response.status, dict(response.headers))
    except Refused as refused:
        return Answer("refused", str(refused))
    except httpcore.TimeoutException:
        return Answer("retry", "timed out")
    except httpcore.ConnectError as error:
        return Answer("retry", _why_no_connection(error))
    except (httpcore.NetworkError, httpcore.ProtocolError):
        return Answer("retry", "the connection broke before an answer came")


def _judged(status: int, headers: dict[bytes, bytes]) -> Answer:
    if 200 <= status < 300:
        return Answer("delivered")
    if 300 <= status < 400:
        return Answer("failed", f"HTTP {status}: redirects are refused, set the final URL")
    if status == 410:
        return Answer("gone", "HTTP 410: the receiver is gone for good, endpoint disabled")
    if status >= 500 or status in _TEMPORARY_4XX:
        lowered = {name.lower(): value for name, value in headers.items()}
        return Answer("retry", f"HTTP {status}", _retry_after(lowered.get(b"retry-after")))
    return Answer("failed", f"HTTP {status}: the receiver does not take this message")


def _retry_after(value: bytes | None) -> float | None:
    """Seconds, from either form of the header; None when there is none or it makes no sense."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _why_no_connection(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "TLS: the receiver's certificate or protocol is not trusted"
        cause = cause.__cause__ or cause.__context__
    return "could not connect"


class _Deadline:
    """One clock for a whole attempt, read before every single wait."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def cap(self, timeout: float | None, error: type[Exception]) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise error("deadline reached")
        return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    """Resolves once, checks every address, and connects to what it checked: a second answer of DNS changes
    nothing.
    """

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _resolve(host, port, self._deadline.cap(timeout, httpcore.ConnectTimeout))
        for address in addresses:
            refuse_forbidden(address)
        error: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            left = self._deadline.cap(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
                continue
            return _TimedStream(stream, self._deadline)
        raise error


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.cap(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.cap(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def refuse_forbidden(address: str) -> None:
    """Raise Refused when the IP address `address` is one that is never posted to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(ip in network for network in FORBIDDEN_NETWORKS if network.version == ip.version):
        raise Refused("refused: the host leads to a link-local, metadata, multicast or translated address")


def _resolve(host: str, port: int, timeout: float) -> list[str]:
    """Addresses of `host`. In a thread of its own, because a name server may take minutes and knows no
    time-out.
    """
    found: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def look() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            entries = []
        found.put(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))

    threading.Thread(target=look, daemon=True).start()
    try:
        return found.get(timeout=timeout)
    except queue.Empty:
        raise httpcore.ConnectTimeout("name look-up took too long") from None
