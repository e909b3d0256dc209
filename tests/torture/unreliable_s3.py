"""A proxy that stands before moto's S3 and does to requests what networks and services do."""

from __future__ import annotations

import http.client
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>"
REFUSALS = ("503 SlowDown", "reset", "answer lost")
KINDS = (*REFUSALS, "body cut short", "delayed", "sent twice")
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "expect"}


@dataclass
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(kw_only=True)
class UnreliableS3:
    """Faults at a ``share`` of the requests, seeded; ``on_request`` gets the requests' count.

    ``only`` is a pattern for the requests that can meet one, as ``PUT /bucket/key``.
    """

    url: str
    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    only: str = ""
    seed: random.Random = field(default_factory=lambda: random.Random(0))
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    on_request: Callable[[int], None] = lambda _: None
    _lock: Any = field(default_factory=threading.Lock)

    def fault(self, request: str) -> str:
        """What happens to this request; empty: nothing."""
        with self._lock:
            self.requests += 1
            self.on_request(self.requests)
            meets = re.search(self.only, request) and self.seed.random() < self.share
            kind = self.seed.choice(self.kinds) if meets else ""
            if kind:
                self.faults[kind] += 1
            return kind


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rig: UnreliableS3
    behind: str

    def _serve(self) -> None:
        body, fault = self._body(), self.rig.fault(f"{self.command} {self.path}")
        refusals = {"503 SlowDown": (503, SLOW_DOWN), "expired credentials": (400, EXPIRED)}
        if fault in refusals:
            status, said = refusals[fault]
            self._answer(_Answer(status, [("Content-Type", "application/xml")], said))
            return
        if fault == "reset":
            self._reset()
            return
        if fault == "delayed":
            threading.Event().wait(0.3)
        answer = self._forwarded(body)
        if fault == "sent twice":
            answer = self._forwarded(body)
        if fault == "answer lost":
            self._reset()
            return
        self._answer(answer, cut=fault == "body cut short")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _forwarded(self, body: bytes) -> _Answer:
        connection = http.client.HTTPConnection(self.behind, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
            headers["Content-Length"] = str(len(body))
            connection.request(self.command, self.path, body, headers)
            found = connection.getresponse()
            kept = [(k, v) for k, v in found.getheaders() if k.lower() not in _HOP_BY_HOP]
            if self.command == "HEAD":
                kept.append(("Content-Length", found.getheader("Content-Length", "0")))
            return _Answer(found.status, kept, found.read())
        finally:
            connection.close()

    def _answer(self, answer: _Answer, *, cut: bool = False) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        head = self.command == "HEAD"
        if not any(name == "Content-Length" for name, _ in answer.headers):
            self.send_header("Content-Length", "0" if head else str(len(answer.body)))
        self.end_headers()
        if not head:
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        if cut:
            self.close_connection = True

    def _reset(self) -> None:
        # With nothing to linger for, closing sends a reset instead of an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
        """Nothing: the faults are counted."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that were killed hang up."""


@contextmanager
def unreliable_s3(behind: str) -> Iterator[UnreliableS3]:
    """Serve before the S3 at the URL ``behind``."""
    rig = UnreliableS3(url="")
    handler = type("Handler", (_Handler,), {"rig": rig, "behind": urlsplit(behind).netloc})
    with _Server(("127.0.0.1", 0), handler) as server:
        rig.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield rig
        server.shutdown()
