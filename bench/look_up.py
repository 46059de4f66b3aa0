"""Finds a request in a published site by the steps of the page's script, for benchmarks and tests."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tokencost_pipeline.reports.data_scripts import unpack_script
from tokencost_pipeline.reports.export_parts import label_of
from tokencost_pipeline.reports.site_folders import FOLDER


@dataclass(frozen=True)
class Found:
    """Data files that were read, the root first, and the rows by field: letter of a line -> rows."""

    files: tuple[Path, ...]
    rows: dict[str, list[dict[str, Any]]]


def look_up(site: Path, root: str, request_id: str) -> Found:
    """`root` is the path below the site of the file that names the others."""
    digest = sha256(request_id.encode()).hexdigest()
    place = int(digest[:8], 16)
    files = [site / root]
    about = orjson.loads(unpack_script(files[0].read_bytes()))
    texts = []
    for name, told, bits in about["indexes"]:
        files.append(file_of(site, name, told, place, bits))
        for day in days_of(unpack_script(files[-1].read_bytes()), place, bits):
            hashed, width = about["days"][str(day)]
            files.append(file_of(site, label_of(day), hashed, place, width))
            texts.append(unpack_script(files[-1].read_bytes()))
    mine = f'["{digest[: about["key"]]}",'.encode()
    lines = [orjson.loads(line) for text in texts for line in text.splitlines() if line.startswith(mine)]
    return Found(
        tuple(files),
        {
            letter: [dict(zip(fields, line[2:], strict=True)) for line in lines if line[1] == letter]
            for letter, fields in about["fields"].items()
        },
    )


def days_of(bucket: bytes, place: int, bits: int) -> list[int]:
    """The days that a bucket of the index names for a place."""
    told = np.frombuffer(bucket, np.uint8).reshape(6, -1).T
    steps = np.ascontiguousarray(told[:, :4]).view("<u4")[:, 0].astype(np.uint64)
    places = np.cumsum(steps) + np.uint64(place >> (32 - bits) << (32 - bits))
    days = np.ascontiguousarray(told[:, 4:]).view("<u2")[:, 0]
    return [int(day) for day in days[places == place]]


def file_of(site: Path, name: str, told: str, place: int, bits: int) -> Path:
    return site / FOLDER / f"{name}-{told}" / f"{place >> (32 - bits)}.js"
