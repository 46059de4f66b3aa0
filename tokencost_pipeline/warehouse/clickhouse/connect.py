"""How ClickHouse is reached, and the settings under which it answers as our SQL is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tokencost_pipeline.errors import Busy, UserError
from tokencost_pipeline.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

EMBEDDED = "embedded"
"""The host's name in profiles.yml where no server is named."""

SESSION: dict[str, Any] = {
    "session_timezone": "UTC",
    "join_use_nulls": 1,  # what finds no partner is NULL, not 0 or ''
    "aggregate_functions_null_for_empty": 1,  # the sum of nothing is NULL
    "cast_keep_nullable": 1,
    "insert_null_as_default": 0,  # NULL in a column that must not be NULL is an error
    "prefer_column_name_to_alias": 1,
    "union_default_mode": "DISTINCT",
    "except_default_mode": "DISTINCT",
    "decimal_check_overflow": 1,
    "final": 1,  # a row that a retried insert brought twice is read once
    # 26.9 remembers of a filter with a subquery that no row passes, and believes it still when the subquery's answer is
    # another one: prices went missing in a second run.
    "use_query_condition_cache": 0,
    "do_not_merge_across_partitions_select_final": 1,
    "max_partitions_per_insert_block": 0,  # years of logs may arrive in one insert
    "max_query_size": 64 << 20,  # the keys of all batches stand in one statement
}
"""profiles.yml gives dbt the same; a test compares them."""


def is_embedded(settings: Settings) -> bool:
    """Whether the engine runs in this process, on files below the data folder."""
    return settings.clickhouse_host is None


def connect(settings: Settings) -> Client:
    """A client of the engine that the settings name. The caller closes it.

    Raises UserError when the driver is not installed or nobody answers, Busy when another process has the embedded
    engine open.
    """
    driver = load_driver()
    try:
        if is_embedded(settings):
            return driver.get_client(**embedded_arguments(settings), settings=dict(SESSION))
        password = settings.clickhouse_password
        return driver.get_client(
            host=settings.clickhouse_host,
            port=settings.clickhouse_port or (8443 if settings.clickhouse_secure else 8123),
            username=settings.clickhouse_user,
            password=password.get_secret_value() if password else "",
            secure=settings.clickhouse_secure,
            settings=dict(SESSION),
        )
    except driver.driver.exceptions.Error as error:
        if is_embedded(settings):
            raise Busy(
                f"the embedded ClickHouse cannot be opened: {first_line(error)}",
                place=where(settings),
                hint="it serves one process at a time: wait for the other, or name a server (docs/CLICKHOUSE.md)",
            ) from error
        raise UserError(
            f"ClickHouse does not answer: {first_line(error)}",
            place=where(settings),
            hint="is it running? TOKENCOST_CLICKHOUSE_HOST, _PORT, _USER, _PASSWORD and _SECURE say how to ask",
        ) from error


def load_driver() -> Any:
    """The module clickhouse_connect. Raises UserError that says how to install it."""
    try:
        import clickhouse_connect
        import clickhouse_connect.driver.exceptions
    except ImportError as error:
        raise UserError(
            f"the target clickhouse needs a package that is not installed ({error.name})",
            place="TOKENCOST_TARGET",
            hint=".venv/bin/pip install '.[clickhouse]'",
        ) from error
    return clickhouse_connect


def embedded_arguments(settings: Settings) -> dict[str, Any]:
    """What clickhouse-connect wants in order to start the engine in this process."""
    settings.clickhouse_path.mkdir(parents=True, exist_ok=True)
    return {"interface": "chdb", "path": str(settings.clickhouse_path)}


def where(settings: Settings) -> str:
    """The place to name in an error; never the password."""
    return str(settings.clickhouse_path) if is_embedded(settings) else f"{settings.clickhouse_host}"


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


@contextmanager
def embedded_for_dbt(settings: Settings) -> Iterator[None]:
    """Let dbt-clickhouse, as it is, talk to the embedded engine.

    The adapter asks clickhouse-connect for a client and has no setting for the interface. While this is open a client
    for the host `embedded` is given the interface `chdb`; nothing else of the adapter or the driver is touched.
    """
    if not is_embedded(settings):
        yield
        return
    driver = load_driver()
    ordinary: Callable[..., Any] = driver.get_client

    def get_client(**arguments: Any) -> Any:
        if arguments.get("host") != EMBEDDED:
            return ordinary(**arguments)
        return ordinary(**embedded_arguments(settings), settings=arguments.get("settings"), query_limit=0)

    driver.get_client = get_client
    try:
        yield
    finally:
        driver.get_client = ordinary
