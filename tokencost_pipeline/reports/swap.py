"""Folders that are replaced together: all of a report or nothing of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tokencost_pipeline.atomic import sync_directory

BUILDING = ".publishing"
READY = ".ready"


def write_folders(root: Path, files: Mapping[str, bytes]) -> None:
    """Replace the folders that `files` (path below `root` -> content) lie in by exactly these files.

    Everything is written beside first. One rename then says that it is complete; what follows are renames
    of whole folders, and a process that dies between two of them leaves work that the next call finishes
    (`finish`). A process that dies earlier leaves the old folders untouched. Folders of `root` that no file
    lies in are left alone.
    """
    root.mkdir(parents=True, exist_ok=True)
    finish(root)
    building = root / BUILDING
    try:
        building.mkdir()
        for path, content in files.items():
            target = building / path
            if not target.resolve().is_relative_to(building.resolve()):
                raise ValueError(f"{path!r} lies outside the reports folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        building.rename(root / READY)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    sync_directory(root)
    finish(root)


def finish(root: Path) -> None:
    """Put a complete report in its place if one is waiting, and sweep what a killed run left unfinished."""
    shutil.rmtree(root / BUILDING, ignore_errors=True)
    ready = root / READY
    if not ready.is_dir():
        return
    for folder in sorted(path for path in ready.iterdir() if not path.name.startswith(".")):
        current, old = root / folder.name, ready / f".old-{folder.name}"
        if current.exists():
            shutil.rmtree(old, ignore_errors=True)
            current.rename(old)
        folder.rename(current)
    shutil.rmtree(ready)
    sync_directory(root)
