from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.alerts.network import Refused, refuse_forbidden
from tokencost_pipeline.alerts.notify import notify
from tokencost_pipeline.alerts.options import DeliveryOptions
from tokencost_pipeline.alerts.outbox import outbox_rows
from tokencost_pipeline.settings import Settings

NOW = datetime.now(UTC)

FORBIDDEN = [
    "169.254.169.254",
    "169.254.0.1",
    "0.0.0.0",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "::",
    "fe80::1",
    "fe80::1%1",
    "ff02::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_nobody_posts_to_are_refused(address: str) -> None:
    with pytest.raises(Refused):
        refuse_forbidden(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.0.0.7", "172.16.0.1", "192.168.1.2", "fd12:3456::1", "1.1.1.1", "2606::1"],
)
def test_loopback_private_and_public_addresses_are_allowed(address: str) -> None:
    refuse_forbidden(address)


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_disguise_of_a_link_local_address_gets_through(address: Any) -> None:
    number = int(address)
    for text in (
        str(address),
        f"::ffff:{address}",
        f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    ):
        with pytest.raises(Refused):
            refuse_forbidden(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
    ],
)
def test_a_url_that_leads_to_a_forbidden_address_is_refused_before_connecting(
    settings_for: Callable[..., Settings],
    incident: Callable[..., dict[str, Any]],
    hasty: DeliveryOptions,
    url: str,
) -> None:
    settings = settings_for(url)
    report = notify(settings, [incident()], now=NOW, options=hasty)
    assert (report.delivered, report.pending) == (0, 1)
    assert "refused" in report.reasons[0]
    assert outbox_rows(settings)[0]["attempts"] == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x", "gopher://h/", "/hook", "http://", "nonsense"]
)
def test_only_http_and_https_are_spoken(
    settings_for: Callable[..., Settings],
    incident: Callable[..., dict[str, Any]],
    hasty: DeliveryOptions,
    url: str,
) -> None:
    report = notify(settings_for(url), [incident()], now=NOW, options=hasty)
    assert report.enqueued == 0
    assert "TOKENCOST_WEBHOOK_URL" in report.reasons[0]


def test_a_name_is_resolved_once_and_that_address_is_connected_to(
    settings_for: Callable[..., Settings],
    incident: Callable[..., dict[str, Any]],
    hasty: DeliveryOptions,
    monkeypatch: pytest.MonkeyPatch,
    http: Any,
) -> None:
    asked: list[str] = []
    really = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        """A name server that answers with a harmless address first and with another one ever after."""
        if host != "hooks.example":
            return really(host, port, *args, **kwargs)
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with http.receiving() as receiver:
        report = notify(
            settings_for(f"http://hooks.example:{receiver.port}/x"), [incident()], now=NOW, options=hasty
        )
    assert report.delivered == 1
    assert asked == ["hooks.example"]
    assert receiver.posts[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_one_forbidden_address_among_several_is_enough_to_refuse(
    settings_for: Callable[..., Settings],
    incident: Callable[..., dict[str, Any]],
    hasty: DeliveryOptions,
    monkeypatch: pytest.MonkeyPatch,
    http: Any,
) -> None:
    def two(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        addresses = ("127.0.0.1", "169.254.169.254")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    with http.receiving() as receiver:
        monkeypatch.setattr(socket, "getaddrinfo", two)
        report = notify(
            settings_for(f"http://hooks.example:{receiver.port}/x"), [incident()], now=NOW, options=hasty
        )
    assert (report.delivered, receiver.posts) == (0, [])


def test_a_receiver_that_speaks_no_tls_is_no_tls_receiver(
    settings_for: Callable[..., Settings],
    incident: Callable[..., dict[str, Any]],
    hasty: DeliveryOptions,
    http: Any,
) -> None:
    with http.receiving() as receiver:
        url = receiver.url().replace("http:", "https:")
        report = notify(settings_for(url), [incident()], now=NOW, options=hasty)
    assert (report.pending, receiver.posts) == (1, [])
