"""An AWS that misbehaves: moto's server refuses, throttles, hangs up, whoever asks."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

Answer = tuple[int, dict[str, str], bytes]


@dataclass(kw_only=True)
class Fault:
    """What happens to the calls that match; ``times`` of them, or all until ``mend``."""

    call: re.Pattern[str]
    answer: Answer | None
    times: float
    after: bool
    """Whether the call is carried out, and only its answer is lost."""


@dataclass(kw_only=True)
class Misbehaving:
    """The faults of the server, and every call that it heard.

    A call is named ``DescribeTransformJob``, or for S3 ``GET /bucket/key?query``.
    """

    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    on_call: Callable[[str], None] = lambda _: None

    def refuse(
        self,
        call: str,
        code: str,
        said: str = "",
        *,
        status: int = 400,
        times: float = float("inf"),
    ) -> None:
        """Answer calls that match the pattern with an error."""
        document = {"__type": code, "message": said}
        answer = (status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document))
        if "/" in call:
            text = f"<Error><Code>{code}</Code><Message>{said}</Message></Error>"
            answer = (status, {"Content-Type": "application/xml"}, text)
        self._add(call, (answer[0], answer[1], answer[2].encode()), times)

    def answer(self, call: str, document: Any) -> None:
        """Answer calls that match with a JSON document."""
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        self._add(call, (200, headers, json.dumps(document).encode()), float("inf"))

    def hang_up(self, call: str, *, times: float = float("inf"), after: bool = False) -> None:
        """Close the connection, before the call is carried out or ``after``."""
        self._add(call, None, times, after=after)

    def mend(self) -> None:
        """No fault any more."""
        self.faults.clear()

    def count(self, call: str) -> int:
        """How many calls matched."""
        return sum(1 for one in self.calls if re.search(call, one))

    def _add(self, call: str, answer: Answer | None, times: float, *, after: bool = False) -> None:
        self.faults.append(Fault(call=re.compile(call), answer=answer, times=times, after=after))

    def heard(self, name: str) -> Fault | None:
        """Note a call; the fault that meets it."""
        self.calls.append(name)
        self.on_call(name)
        for fault in self.faults:
            if fault.times > 0 and fault.call.search(name):
                fault.times -= 1
                return fault
        return None


@contextmanager
def misbehaving() -> Iterator[Misbehaving]:
    """Stand before moto's server in this process (fixture ``aws``)."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    server, original = Misbehaving(), DomainDispatcherApplication.__call__

    def call(app: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        fault = server.heard(_name(environ))
        if fault is None or fault.after:
            said: Iterable[bytes] = original(app, environ, start_response)
            if fault is None:
                return said
        if fault.answer is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError  # which the server takes for the client's going away
        status, headers, body = fault.answer
        start_response(f"{status} Fault", [*headers.items(), ("Content-Length", str(len(body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DomainDispatcherApplication, "__call__", call)
        yield server


def _name(environ: dict[str, Any]) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}"
