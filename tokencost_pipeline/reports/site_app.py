"""The published files over HTTP, read-only, for this machine: the application behind `tokencost serve`.

Without a log-in the browser is what must be kept honest: no other name than this machine's is answered (DNS
rebinding), no other site may load the data files as scripts or frame the pages, and no path leaves what was published.
"""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokencost_pipeline.reports.content_policy import CONTENT_SECURITY_POLICY

THIS_MACHINE = ["127.0.0.1", "localhost", "[::1]", "::1"]
CONTENT_NAMED = re.compile(r"(assets|data)/(?:.*/)?[^/]*-[0-9a-f]{10,}(?:/[^/]+)?\.[a-z]+")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
HEADERS = {
    "Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LEAST_BYTES_TO_PACK = 512
PACKED_BYTES_KEPT = 32 << 20


def site_app(reports_dir: Path, base_path: str = "/") -> Starlette:
    """The application: `site/` at `base_path` ("/" or "/costs/"), `api/stats.json` and `csv/` below it."""
    packed = Packed(PACKED_BYTES_KEPT)
    folders = {
        "site": StaticFiles(directory=reports_dir / "site", check_dir=False),
        "api": StaticFiles(directory=reports_dir / "api", check_dir=False),
        "csv": StaticFiles(directory=reports_dir / "csv", check_dir=False),
    }

    def answer(request: Request) -> Response:
        path = request.scope["path"]
        if path in {"/", base_path.removesuffix("/")} and path != base_path:
            return RedirectResponse(base_path)
        if not path.startswith(base_path):
            return not_found()
        wanted = path.removeprefix(base_path)
        found = find(folders, wanted)
        if found is None:
            return not_found()
        file, status = found
        if stat.S_ISDIR(status.st_mode):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(quote(f"{path}/") + query)
        return file_response(request, wanted, file, packed)

    return Starlette(
        routes=[Route("/{path:path}", answer, methods=["GET"])],
        middleware=[
            Middleware(SafeHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=THIS_MACHINE, www_redirect=False),
        ],
    )


def find(folders: dict[str, StaticFiles], wanted: str) -> tuple[str, os.stat_result] | None:
    """The published file that `wanted` (a decoded path below the base) names; a folder where it lacks its slash."""
    parts = wanted.split("/")
    if parts[-1] == "":
        parts[-1] = "index.html"
    if any(part == "" or part.startswith(".") or "\\" in part for part in parts):
        return None
    places = [("site", parts)] + ([(parts[0], parts[1:])] if parts[0] in {"api", "csv"} else [])
    for folder, inside in places:
        file, status = look_up(folders[folder], "/".join(inside))
        if status is None:
            continue
        if stat.S_ISREG(status.st_mode):
            return file, status
        index = look_up(folders[folder], "/".join([*inside, "index.html"]))[1]
        if stat.S_ISDIR(status.st_mode) and index is not None:
            return file, status
    return None


def look_up(folder: StaticFiles, path: str) -> tuple[str, os.stat_result | None]:
    """Starlette's look-up, which follows no link out of the folder; names that can't be a file are none."""
    try:
        return folder.lookup_path(path)
    except (ValueError, PermissionError):
        return "", None
    except OSError as error:
        if error.errno in {errno.ENAMETOOLONG, errno.ELOOP}:
            return "", None
        raise


def file_response(request: Request, wanted: str, file: str, packed: Packed) -> Response:
    """The file as it is or packed; 304 where the browser has it already."""
    try:
        with Path(file).open("rb") as handle:
            status = os.fstat(handle.fileno())
            content = handle.read()
    except OSError:  # withdrawn by a new generation since it was looked up
        return not_found()
    for_ever = CONTENT_NAMED.fullmatch(wanted) is not None
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    media_type = TYPES.get(Path(file).suffix, "application/octet-stream")
    headers = MutableHeaders(
        {
            "Content-Type": media_type,
            "Cache-Control": "public, max-age=31536000, immutable" if for_ever else "no-cache",
            "Vary": "Accept-Encoding",
            "ETag": tag,
        }
    )
    packs = len(content) >= LEAST_BYTES_TO_PACK and media_type != TYPES[".png"] and accepts_gzip(request)
    if packs:
        headers["ETag"] = tag = f'{tag[:-1]}-gzip"'
    if tag in [
        known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")
    ]:
        return NotModifiedResponse(headers)
    if packs:
        headers["Content-Encoding"] = "gzip"
        content = packed.get(f"{file} {tag}", content) if for_ever else pack(content)
    return Response(content, headers=dict(headers))


def accepts_gzip(request: Request) -> bool:
    """Does the browser take gzip? `gzip;q=0` says no."""
    for offer in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


def pack(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0)


class Packed:
    """Packed files by name and generation; the longest unused go when they hold more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, content: bytes) -> bytes:
        with self._lock:
            if name in self._files:
                self._files.move_to_end(name)
                return self._files[name]
        made = pack(content)
        with self._lock:
            if name not in self._files and len(made) <= self._limit:
                self._files[name] = made
                self._held += len(made)
            while self._held > self._limit:
                self._held -= len(self._files.popitem(last=False)[1])
        return made

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held


def not_found() -> Response:
    return PlainTextResponse("not found\n", 404, headers={"Cache-Control": "no-cache"})


class SafeHeaders:
    """Puts `HEADERS` on every answer, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, with_headers(send))


def with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending
