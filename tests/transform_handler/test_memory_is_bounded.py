"""Memory does not grow with the recording."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from manifests.local_store import uri_of_path
from tests.conftest import speechlike
from transform_handler.allowed import VARIABLE

SCRIPT = """
import json, sys
from pathlib import Path
from manifests.pointers import Pointer
from transform_handler.handler import model_fn, predict_fn

def peak_mb(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

handler = model_fn(sys.argv[1])
peaks = []
for uri in sys.argv[2:]:
    (record,) = predict_fn([Pointer(id="x", uri=uri)], handler)
    child = handler.transcriber._decoder._children[0]._child.pid
    peaks.append([record.status, record.duration, peak_mb("self"), peak_mb(child)])
print(json.dumps(peaks))
"""


def looped(path: Path, minutes: int) -> str:
    """A minute with ten seconds of speech, again and again: most windows cost no model."""
    minute = np.zeros(60 * 16_000, dtype=np.float32)
    minute[: 10 * 16_000] = speechlike(10.0)
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        for number in range(minutes):
            file.write(minute if number % 4 == 0 or number < 3 else np.zeros_like(minute))
    return uri_of_path(path)


def test_forty_minutes_need_no_more_memory_than_seven(bundle: Path, tmp_path: Path) -> None:
    uris = [looped(tmp_path / f"{minutes}.flac", minutes) for minutes in (7, 40)]
    environment = {**os.environ, VARIABLE: uri_of_path(tmp_path) + "/", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(bundle), *uris],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    short, long = json.loads(run.stdout)
    assert short[:2] == ["ok", 420.0]
    assert long[:2] == ["ok", 2400.0]
    assert long[2] - short[2] < 20  # MB, the handler
    assert long[3] - short[3] < 20  # MB, the decoding child
