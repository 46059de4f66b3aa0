"""Small Parquet tables that are replaced whole, and only when they say something new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline.atomic import write_bytes


def replace_table(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> bool:
    """Make `path` hold exactly `rows`. Equal rows give equal bytes, and an equal file is left untouched
    (False).
    """
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
    data = sink.getvalue().to_pybytes()
    if path.is_file() and path.read_bytes() == data:
        return False
    write_bytes(path, data)
    return True
