"""Files of the site that are named by their content, one by one. Like folders that are (`site_folders`), one that is
there as it was left need not be made, read or written again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokencost_pipeline.atomic import sync_directory
from tokencost_pipeline.reports.site_folders import TEMPORARY

MANY = 200


@dataclass(frozen=True)
class File:
    """A file below the site as it was left: its bytes, and its time (ns), which changes with whoever writes to it."""

    path: str
    bytes: int
    left: int


def as_left(target: Path, path: str) -> File:
    """What is to be remembered of `target`, the file `path` below the site. Raises OSError when it is not there."""
    stat = target.stat()
    return File(path, stat.st_size, stat.st_mtime_ns)


def holds(target: Path, content: bytes) -> bool:
    """Is exactly this there already?"""
    try:
        return target.stat().st_size == len(content) and target.read_bytes() == content
    except OSError:
        return False


def write_whole(target: Path, content: bytes) -> None:
    """Write beside and rename. Not durable yet: see `make_durable`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.parent / f"{TEMPORARY}-{secrets.token_hex(8)}"
    try:
        new.write_bytes(content)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def make_durable(files: Iterable[Path]) -> None:
    """Flush files and their folders, all writes first: a file at a time takes twice as long. A first site has
    thousands, for which one flush of everything is far quicker than one each."""
    files = list(files)
    if len(files) > MANY:
        os.sync()
        return
    folders = set()
    for file in files:
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        folders.add(file.parent)
    for folder in folders:
        sync_directory(folder)
