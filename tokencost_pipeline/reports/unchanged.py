"""Is what is published what would be rendered now? Then a run with nothing new has nothing to render.

What a report is made from is known by digest: the exports (their record names files by their content, and tells what
is called now), everything people write down in `pricing/`, our own code with its templates, queries and scripts, and
the libraries that draw and compute. What was published is known by the size and time of each file, so one that was
deleted or edited since comes back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.pricing.catalogues import SOURCES
from tokencost_pipeline.reports.site_folders import files_in
from tokencost_pipeline.reports.site_publish import read_known
from tokencost_pipeline.settings import Settings

PACKAGE = Path(__file__).parents[1]
LIBRARIES = ("altair", "duckdb", "jinja2", "vl-convert-python", *SOURCES)
FOLDERS = ("markdown", "csv", "api")
"""Folders below the reports' that hold nothing but the last report."""


def made_from(settings: Settings, limits: object) -> str:
    """A digest of everything that a report is made from but the failures it may have to tell of. `limits` is told by
    its repr."""
    whole = sha256(repr((limits, str(settings.reports_dir), _libraries(), _code())).encode())
    for path in (settings.exports_dir / "current.json", *sorted(settings.pricing_dir.glob("*.yaml"))):
        content = path.read_bytes() if path.is_file() else b""
        whole.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def read_published(settings: Settings, inputs: str) -> dict[str, Any] | None:
    """What `keep_published` was told when the report was made from `inputs`, as long as all of its files are there and
    as they were; else None."""
    try:
        kept = orjson.loads(_record(settings).read_bytes())
        if kept["inputs"] == inputs and kept["published"] == _published(settings.reports_dir):
            return dict(kept["told"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def keep_published(settings: Settings, inputs: str, told: dict[str, Any]) -> None:
    """Remember that the report in place was made from `inputs`. Not being able to costs time only."""
    record = {"inputs": inputs, "published": _published(settings.reports_dir), "told": told}
    try:
        atomic.write_bytes(_record(settings), orjson.dumps(record))
    except OSError:
        return


def forget_published(settings: Settings) -> None:
    """From now on what is in place may be anything. Before the first file of another report is written."""
    _record(settings).unlink(missing_ok=True)


def _record(settings: Settings) -> Path:
    return settings.data_dir / "cache" / "published.json"


def _published(reports: Path) -> str:
    """A digest of name, size and time of every published file; of the site's folders that are named by their content by
    name and number of files alone: those may be tens of thousands, and nobody edits them."""
    site = reports / "site"
    whole = sha256()
    for path in read_known(site)["now"]:
        file = site / path
        whole.update(f"{path}\0{files_in(file)}\n".encode() if path.endswith("/") else _stamp(file))
    for folder in FOLDERS:
        for file in _files(reports / folder):
            whole.update(_stamp(file))
    return whole.hexdigest()


def _stamp(path: Path) -> bytes:
    """Raises OSError where it is gone."""
    stat = path.stat()
    return f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape")


def _files(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, in a fixed order; what the interpreter made of our code is not code."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(root, name) for name in sorted(names))


def _libraries() -> list[str]:
    return [f"{name} {found}" for name, found in _versions(LIBRARIES)]


def _versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _code() -> str:
    """A digest of our own files: templates, queries and scripts are content too."""
    whole = sha256()
    for path in _files(PACKAGE):
        whole.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()
