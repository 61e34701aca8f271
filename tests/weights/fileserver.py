"""A web server on this machine that serves one file, well or badly."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath


@dataclass
class Behaviour:
    """What the server does, and what it was asked."""

    content: bytes = b""
    status: int = 200
    etag: str | None = '"v1"'
    ranges: bool = True
    declare: bool = True
    """Whether to say how long the file is."""
    kind: str = "application/octet-stream"
    cut: list[int] = field(default_factory=list)
    """Bytes of the body after which each of the first connections breaks off."""
    busy: int = 0
    """How many of the first requests to answer with 503."""
    stall: threading.Event | None = None
    """Send half, then wait for this."""
    redirect: str | None = None
    extra: dict[str, str] = field(default_factory=dict)
    shift: int = 0
    """How far off the asked place a range begins."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request."""
    url: str = ""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Behaviour]:
    """Serve at ``behaviour.url`` while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, behaviour)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    behaviour.url = f"http://127.0.0.1:{server.server_port}/files/net.pth"
    try:
        yield behaviour
    finally:
        if behaviour.stall is not None:
            behaviour.stall.set()
        server.shutdown()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    behaviour.asked.append(dict(request.headers))
    if behaviour.busy > 0:
        behaviour.busy -= 1
        return request.send_error(503)
    if behaviour.redirect is not None and PurePosixPath(request.path).name == "net.pth":
        request.send_response(302)
        request.send_header("Location", behaviour.redirect)
        return request.end_headers()
    if behaviour.status >= 400:
        return request.send_error(behaviour.status)
    start = _asked_start(request, behaviour)
    if start is not None and start >= len(behaviour.content):
        return request.send_error(416)
    _send(request, behaviour, start)
    return None


def _asked_start(request: BaseHTTPRequestHandler, behaviour: Behaviour) -> int | None:
    match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    same = request.headers.get("If-Range") in (None, behaviour.etag)
    return int(match[1]) if match and behaviour.ranges and same else None


def _send(request: BaseHTTPRequestHandler, behaviour: Behaviour, start: int | None) -> None:
    body, total = behaviour.content[start or 0 :], len(behaviour.content)
    request.send_response(200 if start is None else 206)
    request.send_header("Content-Type", behaviour.kind)
    if behaviour.etag:
        request.send_header("ETag", behaviour.etag)
    if start is not None:
        begin = start + behaviour.shift
        request.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
    if behaviour.declare:
        request.send_header("Content-Length", str(len(body)))
    for name, value in behaviour.extra.items():
        request.send_header(name, value)
    request.end_headers()
    if behaviour.cut:
        body = body[: behaviour.cut.pop(0)]
    if behaviour.stall is not None and not behaviour.stall.is_set():
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        behaviour.stall.wait(10)
        return
    request.wfile.write(body)
