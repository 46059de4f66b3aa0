"""Has this event been seen? Asked once for every event, over all batches ever landed.

Same event_id and same mapped content: a duplicate. Same event_id and other content: a conflict, the first
one stays. Every batch keeps `ids.parquet`, 32 bytes an event; DuckDB (in memory, with a spill folder)
joins new keys to it, so memory does not grow with the history.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa

from tokencost_pipeline.ingest.schema import IDS


class Verdict(enum.Enum):
    NEW = "event"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class SeenEvents:
    """What is known of earlier events: the ids files of the manifest, and what this run adds.

    `spill_dir` is where DuckDB puts what does not fit into its memory.
    """

    def __init__(self, id_files: Sequence[Path], spill_dir: Path) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 2,
            "memory_limit": "512MB",
            "temp_directory": str(spill_dir),
        }
        self._connection = duckdb.connect(":memory:", config=config)
        self._connection.execute("create table fresh (source varchar, key blob, content blob)")
        if id_files:
            files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in id_files)
            self._connection.execute(
                f"create view seen as select source, key, content from read_parquet([{files}])"
                " union all select source, key, content from fresh"
            )
        else:
            self._connection.execute("create view seen as select source, key, content from fresh")

    def __enter__(self) -> SeenEvents:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def classify(self, source: str, keys: Sequence[bytes], contents: Sequence[bytes]) -> list[Verdict]:
        """A verdict for each (key, content), in order; new ones are known from then on, in this call too."""
        first = self._earlier(source, keys)
        fresh_keys, fresh_contents, verdicts = [], [], []
        for key, content in zip(keys, contents, strict=True):
            known = first.get(key)
            if known is None:
                first[key] = content
                fresh_keys.append(key)
                fresh_contents.append(content)
                verdicts.append(Verdict.NEW)
            else:
                verdicts.append(Verdict.DUPLICATE if known == content else Verdict.CONFLICT)
        if fresh_keys:
            self._insert(ids_table(source, fresh_keys, fresh_contents))
        return verdicts

    def _earlier(self, source: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        self._connection.register("asked", pa.table({"key": pa.array(keys, pa.binary())}))
        try:
            rows = self._connection.execute(
                "select key, content from seen semi join asked using (key) where source = ?", [source]
            ).fetchall()
        finally:
            self._connection.unregister("asked")
        return dict(rows)

    def _insert(self, ids: pa.Table) -> None:
        self._connection.register("added", ids)
        self._connection.execute("insert into fresh select source, key, content from added")
        self._connection.unregister("added")


def ids_table(source: str, keys: Sequence[bytes], contents: Sequence[bytes]) -> pa.Table:
    """Keys and contents in the shape of `ids.parquet`."""
    columns = [
        pa.array([source] * len(keys), pa.string()),
        pa.array(keys, pa.binary(16)),
        pa.array(contents, pa.binary(16)),
    ]
    return pa.Table.from_arrays(columns, schema=IDS)
