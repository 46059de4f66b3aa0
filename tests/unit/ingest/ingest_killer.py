"""Runs of the ingest in children that really die.

One process imports everything and does nothing else; each run is a fork of it, so a kill costs a fork and not
an interpreter. Nothing has run in the parent of the fork, so no thread or lock of it is torn apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tokencost_pipeline.ingest.crash import VARIABLE
from tokencost_pipeline.ingest.limits import Limits

_PARENT = """
import importlib, json, os, sys, traceback
from datetime import datetime
from pathlib import Path
from tokencost_pipeline.ingest import crash
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.settings import Settings
try:
    import pandas  # pyarrow does with its first table, for a second and more: once is enough
except ImportError:
    pass

def child(order, mouth):
    try:
        os.environ[{variable!r}] = order["point"]
        importlib.reload(crash)
        settings = Settings(raw_dir=Path(order["raw"]), data_dir=Path(order["data"]))
        ingest(settings, now=datetime.fromisoformat(order["now"]), limits=Limits(**order["limits"]))
    except BaseException:
        os.write(mouth, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)

for line in sys.stdin:
    ear, mouth = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ear)
        child(json.loads(line), mouth)
    os.close(mouth)
    with os.fdopen(ear) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), said]), flush=True)
"""


@dataclass(frozen=True)
class Death:
    """How a child ended: its exit code (minus the signal that killed it), and its traceback if it had one."""

    code: int
    said: str


class Killer:
    """The process whose forks are killed. A context manager."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT.replace("{variable!r}", repr(VARIABLE))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parent.communicate()

    def run(self, raw: Path, data: Path, now: datetime, limits: Limits, point: str) -> Death:
        """Ingest in a child that dies when it gets to `point`, a name of `crash.POINTS`."""
        order = {
            "raw": str(raw),
            "data": str(data),
            "now": now.isoformat(),
            "limits": asdict(limits),
            "point": point,
        }
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()
        return Death(*json.loads(self._parent.stdout.readline()))
