"""One model server in a process of its own, spoken to over a Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from manifests.errors import JobFailedError
from manifests.scratch import scratch_folder

START_SECONDS = 300.0
_SERVER = Path(__file__).with_name("model_server.py")


class InvocationError(Exception):
    """One invocation failed; the message says how."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Worker:
    """A model server that is started when needed and replaced when it dies."""

    def __init__(self, model_dir: Path, environment: Mapping[str, str]) -> None:
        self._model_dir = model_dir
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._scratch = contextlib.ExitStack()
        self._folder: Path | None = None

    def start(self) -> None:
        """Start the server and wait until the model is loaded.

        Raises:
            JobFailedError: the model cannot be loaded; with the last lines that it printed.
        """
        self.stop()
        # Socket names are short (108 bytes), and the temporary folder is this user's alone.
        self._folder = self._scratch.enter_context(scratch_folder("w"))
        errors = self._folder / "stderr"
        with errors.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(self._socket), str(self._model_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self._environment},
                # Ctrl-C is for the driver, which then stops its workers in order.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        answered = select.select([self._process.stdout], [], [], START_SECONDS)[0]
        if not answered or self._process.stdout.readline().strip() != "ready":
            said = errors.read_text("utf-8", "replace").strip().splitlines()
            self.stop()
            reason = said[-1] if said else f"no message within {START_SECONDS:.0f} s"
            raise JobFailedError(f"the model server did not start: {reason}")

    def invoke(self, body: bytes, *, content_type: str, accept: str, timeout: float) -> bytes:
        """POST /invocations.

        Raises:
            InvocationError: the server answered an error, died, or took longer than ``timeout``
                seconds; in the last two cases it is started anew for the next call.
        """
        if self._process is None or self._process.poll() is not None:
            self.start()
        connection = _UnixConnection(self._socket, timeout)
        try:
            headers = {"Content-Type": content_type, "Accept": accept}
            connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except TimeoutError as error:
            self.stop()
            raise InvocationError(f"no answer within {timeout:.0f} s") from error
        except (OSError, http.client.HTTPException) as error:
            self.stop()
            raise InvocationError("the worker died") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise InvocationError(f"HTTP {answer.status}: {data.decode('utf-8', 'replace')}")
        return data

    def stop(self) -> None:
        """End the server."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self._scratch.close()

    @property
    def _socket(self) -> Path:
        assert self._folder is not None
        return self._folder / "s"
