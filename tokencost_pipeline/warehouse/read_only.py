"""The one way to look into the warehouse: read-only, briefly, and always closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from tokencost_pipeline.errors import Busy, UserError
from tokencost_pipeline.settings import Settings

SPILL = "warehouse.duckdb.read.tmp"
"""Where the engine lays what memory does not hold, below the data folder; it comes and goes with a query."""


@contextmanager
def read_only(settings: Settings, *, patience_seconds: float = 15.0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to warehouse.duckdb, in UTC, within the memory that the engine may take for a build.

    Waits up to `patience_seconds` for a writer to let go, then raises Busy, which names the holder. Raises UserError
    when there is no warehouse yet.
    """
    if not settings.warehouse_path.exists():
        raise UserError(
            "there is no warehouse yet", place=str(settings.warehouse_path), hint="run `tokencost run` first"
        )
    connection = connect(settings, patience_seconds, read_only=True)
    try:
        spill = str(settings.data_dir / SPILL).replace("'", "''")
        connection.execute(
            f"set TimeZone = 'UTC'; set memory_limit = '{settings.memory_limit_mib}MiB';"
            f" set temp_directory = '{spill}'"
        )
        yield connection
    finally:
        connection.close()


def wait_for_the_file(settings: Settings, *, patience_seconds: float = 15.0) -> None:
    """Return once the warehouse file can be written: no notebook or query tool has it open, or there is none yet.

    Raises Busy, which names the holder, when it is still held after `patience_seconds`.
    """
    if settings.warehouse_path.exists():
        connect(settings, patience_seconds, read_only=False).close()


def connect(settings: Settings, patience_seconds: float, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open the file, retrying while another process holds it."""
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(duckdb.IOException),
            stop=stop_after_delay(patience_seconds),
            wait=wait_exponential(multiplier=0.05, max=1.0),
        ):
            with attempt:
                return duckdb.connect(str(settings.warehouse_path), read_only=read_only)
    except RetryError as error:
        reason = str(error.last_attempt.exception()).splitlines()[0]
        raise Busy(
            reason, place=str(settings.warehouse_path), hint="close the program that has it open"
        ) from error
    raise AssertionError("unreachable: Retrying either returns or raises")
