"""Imports what every model imports, then forks a program for each launcher that asks.

    python server.py SOCKET LAUNCHER

Nothing of ours is imported here. It ends when its standard input closes.
"""

from __future__ import annotations

import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


def _import_what_models_import() -> None:
    import soundfile  # noqa: F401
    import soxr  # noqa: F401
    from transformers import (  # noqa: F401
        AutoFeatureExtractor,
        AutoModelForCTC,
        AutoProcessor,
        AutoTokenizer,
        Trainer,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Processor,
    )


class Server:
    """One thread: what it forks has no lock that somebody else held."""

    def __init__(self, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.launchers: dict[int, socket.socket] = {}
        self.ended, wake = socket.socketpair()
        for one in (self.ended, wake):
            one.setblocking(False)
        self.wake = wake

    def serve(self) -> dict[str, Any]:
        """What a child of this process is to run; in this process it does not return."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake.fileno())
        selector = selectors.DefaultSelector()
        for one in (sys.stdin, self.listener, self.ended):
            selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    self._end()
                elif key.fileobj is self.listener:
                    launcher, _ = self.listener.accept()
                    request = self._started(launcher)
                    if request is not None:
                        selector.close()
                        return request
                    selector.register(launcher, selectors.EVENT_READ)
                elif key.fileobj is self.ended:
                    self._tell_ends(selector)
                else:
                    self._kill_program_of(key.fileobj)
                    selector.unregister(key.fileobj)

    def _started(self, launcher: socket.socket) -> dict[str, Any] | None:
        head, pipes, _, _ = socket.recv_fds(launcher, 4, 3)
        (size,) = struct.unpack("I", head)
        request: dict[str, Any] = json.loads(launcher.makefile("rb").read(size))
        program = os.fork()
        if not program:
            self._become_a_program(pipes)
            return request
        for pipe in pipes:
            os.close(pipe)
        self.launchers[program] = launcher
        with suppress(OSError):
            launcher.sendall(b"%d\n" % program)
        return None

    def _become_a_program(self, pipes: list[int]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
            os.close(pipe)
        for one in (self.listener, self.ended, self.wake, *self.launchers.values()):
            one.close()

    def _tell_ends(self, selector: selectors.BaseSelector) -> None:
        with suppress(BlockingIOError):
            self.ended.recv(4096)
        for program, launcher in list(self.launchers.items()):
            ended, status = os.waitpid(program, os.WNOHANG)
            if ended:
                del self.launchers[program]
                with suppress(OSError):
                    launcher.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
                with suppress(KeyError):
                    selector.unregister(launcher)
                launcher.close()

    def _kill_program_of(self, launcher: Any) -> None:
        """A launcher was killed: so is what it stands for."""
        for program, one in self.launchers.items():
            if one is launcher:
                os.kill(program, signal.SIGKILL)

    def _end(self) -> None:
        for program in self.launchers:
            os.kill(program, signal.SIGKILL)
        os._exit(0)


def _run(request: dict[str, Any], launcher: str, path: list[str]) -> None:
    """As an interpreter that was started for it would."""
    import torch

    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None
    sys.executable = launcher
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)  # type: ignore[union-attr]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    module = request["arguments"][0] == "-m"
    program, *words = request["arguments"][1 if module else 0 :]
    first = request["folder"] if module else str(Path(program).resolve().parent)
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [first, *named, *path]
    sys.argv = [program, *words]
    if module:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


def main() -> None:
    own = [sys.path[0], *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    path = [one for one in sys.path if one not in own]
    server = Server(sys.argv[1])
    launcher = sys.argv[2]
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    _import_what_models_import()
    _run(server.serve(), launcher, path)


if __name__ == "__main__":
    main()
