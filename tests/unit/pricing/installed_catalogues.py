"""Catalogue packages as pip leaves them on disk, small enough to bend: the real finders and importers read them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

GENAI_DATA = """
from types import SimpleNamespace as It
from datetime import date
from decimal import Decimal

def prices(**rates):
    return It(**{name: Decimal(rate) for name, rate in rates.items()})

def since(day, **rates):
    return It(constraint=It(start_date=date.fromisoformat(day)), prices=prices(**rates))

def model(name, found):
    return It(id=name, prices=found, price_variants=None, is_match=name.__eq__)

def provider(name, *models):
    return It(id=name, models=list(models))

"""


def install_litellm(site: Path, models: dict[str, Any], version: str = "1.0") -> None:
    """litellm's map at `site`; rates as in the real one, USD per token."""
    _distribution(site, "litellm", version)
    (site / "litellm" / "model_prices_and_context_window_backup.json").write_text(json.dumps(models), "utf-8")


def install_genai(site: Path, providers: str, version: str = "1.0") -> None:
    """genai-prices at `site`; `providers` is Python, with the names of GENAI_DATA."""
    _distribution(site, "genai_prices", version)
    (site / "genai_prices" / "data.py").write_text(f"{GENAI_DATA}\nproviders = {providers}\n", "utf-8")


@contextmanager
def nothing_but(site: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`site` goes first on the path; what was imported from it is forgotten afterwards."""
    site.mkdir(exist_ok=True)
    with patch.context() as inner:
        inner.syspath_prepend(str(site))
        for name in [name for name in sys.modules if name.split(".")[0] in ("genai_prices", "litellm")]:
            inner.delitem(sys.modules, name)
        yield site
        for name in [name for name in sys.modules if name.split(".")[0] in ("genai_prices", "litellm")]:
            del sys.modules[name]


def _distribution(site: Path, name: str, version: str) -> None:
    for old in site.glob(f"{name}-*.dist-info/METADATA"):
        old.unlink()
        old.parent.rmdir()
    (site / name).mkdir(parents=True, exist_ok=True)
    (site / name / "__init__.py").write_text("", "utf-8")
    record = site / f"{name}-{version}.dist-info"
    record.mkdir()
    title = name.replace("_", "-")
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title}\nVersion: {version}\n", "utf-8")
