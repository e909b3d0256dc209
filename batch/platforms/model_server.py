"""The local stand-in for the container's model server; a script that imports nothing of ours.

    python model_server.py SOCKET MODEL_DIR

Loads ``MODEL_DIR/code/inference.py`` the way the Hugging Face container does (``code`` first on
the path, four functions) and serves ``GET /ping`` and ``POST /invocations`` on a Unix socket,
which no other user of the machine can open. It ends when its standard input closes, so that a
killed driver leaves no worker behind.
"""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

MAX_MESSAGE = 1024  # characters of an error's message in the response


class _Server(socketserver.UnixStreamServer):
    functions: Any
    model: Any
    limit_bytes: int


class _Invocation(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/ping" else 404, b"", "text/plain")

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        if size > self.server.limit_bytes:
            self.close_connection = True
            self._answer(413, b"payload too large", "text/plain")
            return
        accept = self.headers.get("Accept", "application/json")
        try:
            body = self._invoke(self.rfile.read(size), accept)
        except Exception as error:  # noqa: BLE001 - the container makes every exception a 400
            message = f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
            self._answer(400, message.encode(), "text/plain")
            return
        self._answer(200, body, accept)

    def _invoke(self, data: bytes, accept: str) -> bytes:
        functions = self.server.functions
        kind = self.headers.get("Content-Type", "application/json")
        text = kind in ("application/json", "text/csv")
        request = functions.input_fn(data.decode() if text else bytearray(data), kind)
        answer = functions.output_fn(functions.predict_fn(request, self.server.model), accept)
        return answer.encode() if isinstance(answer, str) else bytes(answer)

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
        """Nothing: the driver reports."""


def main() -> None:
    """Load the model, then serve until the driver is gone."""
    socket, model_dir = sys.argv[1:3]
    # Whatever the bundle prints goes to the log: nobody reads the pipe after "ready".
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_die_with_driver, daemon=True).start()
    sys.path[0] = str(Path(model_dir) / "code")
    import inference  # type: ignore[import-not-found]  # noqa: PLC0415 - the bundle's

    with _Server(socket, _Invocation) as server:
        server.functions = inference
        server.model = inference.model_fn(model_dir)
        megabytes = int(os.environ.get("SAGEMAKER_MAX_PAYLOAD_IN_MB", "6"))
        server.limit_bytes = megabytes << 20
        print("ready", file=answers, flush=True)
        server.serve_forever(poll_interval=3600)


def _die_with_driver() -> None:
    # Not sys.stdin: the interpreter cannot end while a thread holds that object's lock.
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
