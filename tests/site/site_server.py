"""`tokencost serve` as a user starts it, for the time of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def environment(reports: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOKENCOST_")}
    return {**kept, "TOKENCOST_REPORTS_DIR": str(reports)}


@contextmanager
def served(reports: Path, base_path: str = "/") -> Iterator[str]:
    """The address that the command printed, with its slash at the end."""
    command = [
        sys.executable, "-W", "ignore", "-m", "tokencost_pipeline.cli",
        "serve", "--port", "0", "--base-path", base_path, "--json",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=environment(reports), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("}"):
                break
        else:
            raise AssertionError(process.stderr.read())
        yield json.loads("".join(lines))["url"]
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
        process.stderr.close()
