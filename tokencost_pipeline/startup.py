"""What makes a short-lived process short: less tidying up, and nothing imported that a run may not need."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


def tidy_up_rarely() -> None:
    """Look for circular garbage after 50,000 new objects rather than 700: importing Dagster makes a million that all
    stay, and looking through them again and again is a tenth of a run."""
    gc.set_threshold(50_000, 20, 100)


class Missing(MetaPathFinder):
    """Says of one module that it is not installed. (None in `sys.modules` would say so too, but not to Cython.)"""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self._module:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def as_if_without(module: str) -> Iterator[None]:
    """Importing `module` fails as if it were not installed. Where it has been imported already nothing changes.

    For libraries that look once whether another one is there, and import it although nobody will use it. Only in a
    process that executes a job and ends.
    """
    finder = Missing(module)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def import_without_the_unneeded() -> None:
    """Import what would bring along what a run may not need, before anything else does.

    Without dbt-core `dagster_dbt` reads the same assets from the manifest alone (a test holds), and dbt's second and a
    half of imports waits until there is something to build. pyarrow asks for pandas as soon as it is given a list.
    """
    with as_if_without("dbt.version"):
        import dagster_dbt  # noqa: F401
    with as_if_without("pandas"):
        import pyarrow as pa

        pa.array([0])
