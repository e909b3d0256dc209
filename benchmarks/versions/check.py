"""Does the code run with the transformers of SageMaker's images, and do their models travel?

For each version an environment of its own below `.cache/versions`: Python and every package as in
requirements.lock, transformers and what it pins itself as that version has it. The tests of
training and of the handler run in each; then each environment, this one among them, writes models,
and all others load them. Prints a table; exit code 1 when anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXCHANGE = Path(__file__).with_name("exchange.py")
VERSIONS = {"5.3.0": "training image", "5.5.3": "inference image"}
TESTS = ("tests/training", "tests/transform_handler", "tests/scoring")
# What transformers and huggingface_hub pin themselves, to something else in each version.
OF_ITS_OWN = {"transformers", "huggingface-hub", "tokenizers", "hf-xet"}
LARGEST_DIFFERENCE = 1e-5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache/versions")
    parser.add_argument("--skip-tests", action="store_true")
    given = parser.parse_args()
    pythons = {version: environment(given.folder, version) for version in VERSIONS}
    failed = False
    if not given.skip_tests:
        for version, python in pythons.items():
            good, line = tests(python)
            failed |= not good
            print(f"transformers {version} ({VERSIONS[version]}): {line}", flush=True)
    everyone = {**pythons, "here": Path(sys.executable)}
    return int(exchange(given.folder / "models", everyone) or failed)


def environment(folder: Path, version: str) -> Path:
    """The Python of the version's environment, made if it is not there as it should be."""
    place = folder / version
    python, stamp = place / "bin/python", place / ".installed"
    wanted = requirements(version)
    if stamp.is_file() and stamp.read_text() == digest(wanted):
        return python
    print(f"making {place}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
    (place / "constraints.txt").write_text("\n".join(constraints()))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", place / "constraints.txt", *wanted], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", ROOT], check=True)
    stamp.write_text(digest(wanted))
    return python


def requirements(version: str) -> list[str]:
    """The project's dependencies, those of LoRA and of the tests, with one transformers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].get("lora", []),
        *project["dependency-groups"]["dev"],
    ]
    return [*(n for n in names if name_of(n) != "transformers"), f"transformers=={version}"]


def constraints() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line[:1] != "#" and name_of(line) not in OF_ITS_OWN]


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")


def digest(wanted: list[str]) -> str:
    text = "\n".join([*wanted, *constraints()])
    return hashlib.sha256(text.encode()).hexdigest()


def tests(python: Path) -> tuple[bool, str]:
    """Whether they pass, and pytest's last line; all that it said where they do not."""
    done = run([python, "-m", "pytest", *TESTS])
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0, done.stdout.strip().splitlines()[-1]


def exchange(folder: Path, pythons: dict[str, Path]) -> bool:
    """Write with each, read with all; True when a reader does not get what the writer got."""
    wrong = False
    print(f"{'written by':>10} {'read by':>10} {'model':>18} {'logits differ by':>17} {'texts':>6}")
    for writer, python in pythons.items():
        run([python, EXCHANGE, "write", folder / writer]).check_returncode()
        for reader, other in pythons.items():
            found = json.loads(answer_of([other, EXCHANGE, "read", folder / writer]))
            for model, result in found.items():
                good = result["difference"] <= LARGEST_DIFFERENCE and result["same_text"]
                wrong |= not good
                said = "same" if result["same_text"] else "DIFFER"
                shown = f"{result['difference']:.1e}" if result["difference"] else "0"
                print(f"{writer:>10} {reader:>10} {model:>18} {shown:>17} {said:>6}", flush=True)
    return wrong


def answer_of(command: list[str | Path]) -> str:
    done = run(command)
    if done.returncode:
        raise SystemExit(f"{command}:\n{done.stdout[-3000:]}")
    return done.stdout.strip().splitlines()[-1]


def run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
