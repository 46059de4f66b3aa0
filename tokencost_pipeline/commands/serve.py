"""`tokencost serve`: the published site on this machine, read-only."""

from __future__ import annotations

import errno
import re
import socket
import sys

import uvicorn

from tokencost_pipeline.commands.output import out, print_json
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.site_app import site_app
from tokencost_pipeline.settings import Settings

HOST = "127.0.0.1"


def serve(settings: Settings, *, port: int, base_path: str, as_json: bool) -> None:
    """Serve until Ctrl-C; port 0 takes a free one. Raises UserError when nothing has been published or the port is
    taken."""
    base = checked_base(base_path)
    if not (settings.reports_dir / "site" / "index.html").is_file():
        raise UserError(
            "there is no site yet",
            place=str(settings.reports_dir / "site"),
            hint="run `tokencost run`, or set TOKENCOST_REPORTS_DIR to where it was published",
        )
    listener = listen(port)
    address = f"http://{HOST}:{listener.getsockname()[1]}{base}"
    if as_json:
        print_json({"url": address, "stats": f"{address}api/stats.json"})
    else:
        out.print(f"{address} (read-only, this machine only; stop with Ctrl-C)")
    sys.stdout.flush()
    config = uvicorn.Config(
        site_app(settings.reports_dir, base),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return
    finally:
        listener.close()


def checked_base(text: str) -> str:
    """The base path with its slashes: "costs", "/costs" and "/costs/" are "/costs/"."""
    parts = [part for part in text.split("/") if part]
    if not all(re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", part) for part in parts):
        raise UserError(
            f"{text!r} is not a base path",
            place="--base-path",
            hint="write something like /costs/ in letters, digits, '-', '_' and '.'",
        )
    return "/" + "".join(f"{part}/" for part in parts)


def listen(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1: who reads the address may connect at once, the answer follows.

    Raises UserError when the port cannot be had.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise UserError(
            f"port {port} is {'taken' if taken else 'not to be had: ' + (error.strerror or str(error))}",
            place="--port",
            hint="name another one, or --port 0 for any free one",
        ) from error
    return listener
