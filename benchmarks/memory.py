"""Peak memory of a whole local run: a recording of 10 minutes against one of 10 hours.

Prints both peaks (the largest process of the run: the driver, a worker or its decoder) and their
ratio. The long recording is the short one over and over.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

ROOT = Path(__file__).parents[1]
SHORT_SECONDS, LONG_SECONDS = 10 * 60, 10 * 3600


def main() -> None:
    source = ROOT / "demo/archive/2026-11-20/budget review.flac"
    samples, rate = soundfile.read(source, dtype="int16", always_2d=True)
    peaks = {}
    for seconds in (SHORT_SECONDS, LONG_SECONDS):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "archive"
            archive.mkdir()
            path = archive / "meeting.flac"
            with soundfile.SoundFile(path, "w", rate, samples.shape[1]) as file:
                left = seconds * rate
                while left > 0:
                    file.write(samples[:left])
                    left -= len(samples)
            peaks[seconds] = peak_of_a_run(Path(folder), archive)
        print(f"{seconds / 60:6.0f} min of sound: peak {peaks[seconds] / 1024:.0f} MB", flush=True)
    print(f"ratio {peaks[LONG_SECONDS] / peaks[SHORT_SECONDS]:.2f}")


def peak_of_a_run(folder: Path, archive: Path) -> int:
    """Kilobytes resident, of the largest process of a run that is a process tree of its own."""
    config = folder / "nightscribe.toml"
    config.write_text(
        f'[archive]\nuri = "{archive}"\n[model]\nuri = "{ROOT / "models/demo"}"\n'
        '[output]\nuri = "out"\n[transform]\nworkers = 1\n'
    )
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    nightscribe = Path(sys.executable).with_name("nightscribe")
    answer = subprocess.run(
        [sys.executable, "-c", script, nightscribe, "run", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return int(answer.stdout)


if __name__ == "__main__":
    main()
