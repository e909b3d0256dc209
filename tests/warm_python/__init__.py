"""A Python that has imported torch and transformers already: a model's process starts at once.

Most of what a short job costs is importing those two, in a process of its own for each job. With
``warm_python`` ``sys.executable`` is a launcher: it asks a server, which has imported them and
nothing of ours, to fork. What the server's child runs is the same program on the same arguments,
environment, folder and pipes, which imports the bundle's packages from the bundle. Programs that
are not in ``PROGRAMS`` are run by Python as ever.

Tests without this fixture start as cold as a container does; whole nights among them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = (
    "model_server.py",
    "training.start",
    "training.train",
    "batch.precision",
    "tests.batch.carried_out",
)
_HERE = Path(__file__).parent


@contextmanager
def warm_launcher(folder: Path) -> Iterator[Path]:
    """A launcher in ``folder``, in the place of ``python``; its server ends with this."""
    socket = folder / "s"
    text = (_HERE / "launcher.py").read_text("utf-8")
    settings = {"PYTHON": sys.executable, "SOCKET": str(socket), "PROGRAMS": PROGRAMS}
    told = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    for name in ("python", "python3"):
        (folder / name).write_text(f"#!{sys.executable} -IS\n{told}{text}", "utf-8")
        (folder / name).chmod(0o700)
    with subprocess.Popen(
        [sys.executable, str(_HERE / "server.py"), str(socket), str(folder / "python")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()  # it listens; what comes while it imports waits
        yield folder / "python"
        server.kill()
