"""Does this ClickHouse answer as our SQL needs it to? Asked of the engine itself, not of its version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.clickhouse.connect import (
    SESSION,
    connect,
    first_line,
    is_embedded,
    load_driver,
    where,
)

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Answer = tuple[str, str]
"""(ok | note | fail, what was found and what to do)"""

MOST_CLOCK_SKEW_SECONDS = 60
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}

DIALECT = """
select n, m, least(n, m)
from (select 1 as n, toNullable(2) as m)
qualify row_number() over (partition by n order by m desc) = 1
"""
"""What every build needs of the language and older servers do not have."""


def examine(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(look, state, detail) one after the other; nothing after the first that makes all others pointless."""
    yield "clickhouse driver", *look_driver(settings)
    yield "clickhouse settings", *look_settings(settings)
    try:
        client = connect(settings)
    except UserError as error:
        yield "clickhouse reachable", "fail", str(error)
        return
    looks: list[tuple[str, Callable[[Client, Settings], Answer]]] = [
        ("clickhouse reachable", look_version),
        ("clickhouse language", look_language),
        ("clickhouse session", look_session),
        ("clickhouse clock", look_clock),
        ("clickhouse instants", look_instants),
        ("clickhouse decimals", look_decimals),
        ("clickhouse rights", look_rights),
        ("clickhouse cluster", look_cluster),
    ]
    errors = load_driver().driver.exceptions
    try:
        for name, look in looks:
            try:
                yield name, *look(client, settings)
            except errors.Error as error:
                yield name, "fail", first_line(error)
    finally:
        client.close()


def look_driver(settings: Settings) -> Answer:
    packages = ["dbt-clickhouse", "clickhouse-connect", *(["chdb"] if is_embedded(settings) else [])]
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            return "fail", f"{package} is not installed: .venv/bin/pip install '.[clickhouse]'"
    return "ok", ", ".join(found)


def look_settings(settings: Settings) -> Answer:
    databases = f"databases {settings.clickhouse_database}_*"
    if settings.raw_retention_days is not None:
        return "fail", "TOKENCOST_RAW_RETENTION_DAYS works with the target duckdb alone: leave it out"
    if is_embedded(settings):
        return "ok", (
            f"the embedded engine in {settings.clickhouse_path}, {databases}; TOKENCOST_CLICKHOUSE_HOST names a server"
        )
    secret = "with a password" if settings.clickhouse_password else "without a password"
    who = f"{settings.clickhouse_user}@{where(settings)}, {secret}, {databases}"
    if not settings.clickhouse_secure and settings.clickhouse_host not in LOCAL_HOSTS:
        return "note", f"{who}; not encrypted: set TOKENCOST_CLICKHOUSE_SECURE=true"
    return ("ok" if settings.clickhouse_password else "note"), who


def look_version(client: Client, _: Settings) -> Answer:
    return "ok", f"version {client.server_version}"


def look_language(client: Client, _: Settings) -> Answer:
    try:
        client.query(DIALECT)
    except load_driver().driver.exceptions.Error as error:
        return "fail", f"too old for our SQL, it was tested with 26.9: {first_line(error)}"
    return "ok", "window functions and QUALIFY"


def look_session(client: Client, _: Settings) -> Answer:
    names = ", ".join(f"'{name}'" for name in SESSION)
    found = client.query(f"select name, value from system.settings where name in ({names})").result_rows
    in_force = {str(name): str(value) for name, value in found}
    wrong = [
        f"{name}={in_force.get(name)}"
        for name, wanted in SESSION.items()
        if in_force.get(name) != str(wanted)
    ]
    if wrong:
        return (
            "fail",
            f"the user may not set {', '.join(wrong)}: its profile must not be readonly nor constrain them",
        )
    return "ok", "NULL, casts and time zone behave as the models expect"


def look_clock(client: Client, _: Settings) -> Answer:
    [(theirs, zone)] = client.query("select toUnixTimestamp64Milli(now64(3)), timezone()").result_rows
    skew = abs(int(theirs) / 1000 - datetime.now(UTC).timestamp())
    if skew > MOST_CLOCK_SKEW_SECONDS:
        return "fail", f"its clock is {skew:.0f} s away from ours: let both follow a time server"
    return ("ok" if zone == "UTC" else "fail"), f"session zone {zone}, {skew:.1f} s away from our clock"


def look_instants(client: Client, _: Settings) -> Answer:
    """Open ends of validity are written as the year 9999; some versions end in 2299 and would move them."""
    sql = "select toString(cast('9999-12-31 00:00:00+00' as DateTime64(6, 'UTC')))"
    [(text,)] = client.query(sql).result_rows
    if text != "9999-12-31 00:00:00.000000":
        return (
            "fail",
            f"'9999-12-31' is read as {text}: this version cannot hold open ends, use 26.9 or newer",
        )
    return "ok", "microseconds, up to the year 9999"


def look_decimals(client: Client, _: Settings) -> Answer:
    sql = (
        "select sum(amount) from (select cast('12345678901234567890123.123456789012345' as Decimal(38, 15)) as amount"
        " union all select cast('-12345678901234567890123.123456789012344' as Decimal(38, 15)))"
    )
    [(rest,)] = client.query(sql).result_rows
    exact = Decimal(rest) == Decimal("0.000000000000001")
    return (
        "ok" if exact else "fail"
    ), f"23 + 15 digits, a difference of 1e-15 USD is {'kept' if exact else rest}"


def look_rights(client: Client, settings: Settings) -> Answer:
    """Makes a small database and removes it."""
    database = f"{settings.clickhouse_database}_doctor"
    table = f"{database}.probe"
    steps: list[Any] = [
        f"create database if not exists {database}",
        f"create or replace table {table} (n Int64) engine = MergeTree order by n",
        f"insert into {table} values (1), (2)",
        f"delete from {table} where n = 1",
        f"create view {database}.seen as select * from {table}",
        f"alter table {table} modify comment 'probe'",
    ]
    try:
        for step in steps:
            client.command(step)
        kept = int(str(client.command(f"select count() from {database}.seen")))
    except load_driver().driver.exceptions.Error as error:
        return "fail", (
            f"{first_line(error)}; an administrator can: grant all on {settings.clickhouse_database}_*.* to"
            f" {settings.clickhouse_user}"
        )
    finally:
        client.command(f"drop database if exists {database} sync")
    return ("ok" if kept == 1 else "fail"), "may make, fill, change and drop databases, tables and views"


def look_cluster(client: Client, settings: Settings) -> Answer:
    if settings.clickhouse_cluster is None:
        return "ok", "none: one node"
    found = client.query(
        "select count(distinct shard_num), count() from system.clusters where cluster = {name:String}",
        parameters={"name": settings.clickhouse_cluster},
    ).result_rows
    shards, nodes = found[0]
    if not nodes:
        return (
            "fail",
            f"no cluster {settings.clickhouse_cluster!r}: select distinct cluster from system.clusters",
        )
    if shards > 1:
        return (
            "fail",
            f"{shards} shards: the models are built on one shard with replicas, see docs/CLICKHOUSE.md",
        )
    return "note", f"one shard, {nodes} replicas; nobody has run this on a cluster, see docs/CLICKHOUSE.md"
