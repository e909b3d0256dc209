"""One model server of the toolkit on loopback, and what it answers."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

SERVE = Path(__file__).with_name("serve.py")
# Of this machine's environment a container would see nothing else.
KEPT = ("PATH", "HOME", "LANG", "JAVA_HOME", "TMPDIR", "OMP_NUM_THREADS")
START_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; status 0 where the connection broke."""

    status: int
    body: bytes
    seconds: float
    kind: str = ""


@dataclass(kw_only=True)
class Server:
    """A started server; ``base`` is its /opt/ml."""

    base: Path
    port: int
    process: subprocess.Popen[bytes]
    started: float

    def ask(
        self,
        body: bytes = b"",
        *,
        path: str = "/invocations",
        seconds: float = 120.0,
        **headers: str,
    ) -> Answer:
        """POST to /invocations, GET another path; ``_`` in headers stands for ``-``."""
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("POST" if path == "/invocations" else "GET", path, body, named)
            answer = connection.getresponse()
            data, kind = answer.read(), answer.getheader("Content-Type", "")
        except (OSError, http.client.HTTPException) as error:
            took = time.monotonic() - begun
            return Answer(status=0, body=f"{type(error).__name__}".encode(), seconds=took)
        finally:
            connection.close()
        return Answer(status=answer.status, body=data, seconds=time.monotonic() - begun, kind=kind)

    def first_ping(self) -> Answer:
        """The first answer to /ping, whatever it says, counted from the start."""
        while time.monotonic() - self.started < START_SECONDS and self.process.poll() is None:
            if (answer := self.ask(path="/ping", seconds=2.0)).status:
                return Answer(
                    status=answer.status,
                    body=answer.body,
                    seconds=time.monotonic() - self.started,
                )
            time.sleep(0.05)
        raise SystemExit(f"the server did not start:\n{self.log()[-3000:]}")

    def workers(self) -> list[psutil.Process]:
        """The processes that run the bundle's code; each is forked by one that only listens."""
        return [one for one in self._below() if _is_mms(one) and _is_mms(one.parent())]

    def log(self) -> str:
        """What the server has printed."""
        return (self.base / "server.log").read_text("utf-8", "replace")

    def stop(self) -> list[str]:
        """SIGTERM, as SageMaker stops a container; the command lines of what outlives it.

        The process that forks workers always does, and says nothing of the bundle.
        """
        family, workers = self._below(), self.workers()
        listening = [one for one in family if _is_mms(one) and one not in workers]
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        left = psutil.wait_procs([one for one in family if one not in listening], 15)[1]
        lines = [line[:80] for one in left if (line := _line(one))]  # a zombie has none
        for one in [*left, *listening, self.process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        return lines

    def _below(self) -> list[psutil.Process]:
        """All of the server's session: the model server itself is nobody's child."""
        return [one for one in psutil.process_iter() if self._is_ours(one.pid)]

    def _is_ours(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return os.getsid(pid) == self.process.pid != pid
        return False


@contextlib.contextmanager
def serving(python: Path, base: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """A server over ``base``/model; it is stopped in the end."""
    port, management = _free_ports(2)
    variables = {name: os.environ[name] for name in KEPT if name in os.environ}
    variables |= {
        **environment,
        "PATH": f"{python.parent}:{variables['PATH']}",
        "SAGEMAKER_BASE_DIR": str(base),
        "MMS_INFERENCE_ADDRESS": f"http://127.0.0.1:{port}",
        "MMS_MANAGEMENT_ADDRESS": f"http://127.0.0.1:{management}",
        "LOG_LOCATION": str(base / "logs"),
        "METRICS_LOCATION": str(base / "logs"),
    }
    with (base / "server.log").open("wb") as log:
        server = Server(
            base=base,
            port=port,
            started=time.monotonic(),
            process=subprocess.Popen(
                [python, SERVE, base / "mms.properties"],
                cwd=base,
                env=variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ),
        )
        try:
            yield server
        finally:
            server.stop()


def _is_mms(process: psutil.Process | None) -> bool:
    return process is not None and "model_service_worker.py" in _line(process)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _free_ports(count: int) -> list[int]:
    """The server takes ports up to 32,767 only, and the system gives out higher ones."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        for port in range(18_080, 32_767):
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise SystemExit("no free port from 18080 to 32766")
