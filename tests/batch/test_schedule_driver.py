"""The driver's bundle runs by itself: no checkout, and no package but those that it pins."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.bundles import prepare_bundle
from batch.schedule.driver import upload_driver
from batch.wheels import requirements
from manifests.local_store import download
from manifests.storage import Store, open_store
from manifests.tarball import unpack_object
from tests.batch.carried_out import stand_in
from tests.batch.job_runner import JobRunner, job_runner
from tests.batch.scheduled import OpenNight, nightscribe, small_archive


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path / "out")


@pytest.fixture
def runner(aws: str) -> Iterator[JobRunner]:
    with job_runner() as runner:
        runner.container = stand_in
        yield runner


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python that has nothing but what the bundle pins, as links to what is installed here."""
    site = tmp_path / "site"
    site.mkdir()
    for line in requirements("driver").split():
        distribution = importlib.metadata.distribution(line.split("==")[0])
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{site}" exec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    return python


def started(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``start.py`` as the container starts it; it becomes ``python`` once more."""
    script = (
        "import runpy, sys; sys.executable = sys.argv.pop(1); del sys.argv[0]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run(
        [python, "-c", script, python, folder / "start.py", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "NIGHTSCRIBE_ML_PREFIX": str(folder),
            "NIGHTSCRIBE_INSTALL": "no",
        },
        check=False,
    )


def test_a_night_needs_no_checkout_and_no_package_that_is_not_pinned(
    s3_bucket: str, tiny_model: Path, tmp_path: Path, bare_python: Path, runner: JobRunner
) -> None:
    night = OpenNight.of_now()
    nightscribe("schedule", "put", small_archive(s3_bucket, tmp_path, tiny_model), *night.options)
    output, place = open_store(f"s3://{s3_bucket}/out/"), tmp_path / "driver"
    (driver,) = {one.key.split("/")[1] for one in output.list("drivers/")}
    download(open_store(output.uri_of(f"drivers/{driver}/")), place)
    download(open_store(output.uri_of("schedules/nightly/")), place)
    firing = ["--schedule", "nightly", "--fired-at", night.begins, *night.options]
    done = started(bare_python, place, "run", str(place / "config.toml"), *firing)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"the night of {night.night} has nothing left to do\n")
    assert output.stat(f"reports/{night.night}-001/report.html") is not None
    assert "alice" not in done.stdout + done.stderr
    assert len(runner.transforms) == 1


def test_sound_can_be_cut_for_isolated_containers(
    output: Store, tiny_model: Path, tmp_path: Path, bare_python: Path
) -> None:
    place = tmp_path / "driver"
    unpack_object(output.uri_of(f"{upload_driver(output)}driver.tar.gz"), place)
    script = (
        "import sys, av, soundfile, soxr; from batch.bodies.delivery import deliver; "
        "from batch.bodies.layout import layout_of; print(layout_of(sys.argv[1]).hop)"
    )
    bundle = prepare_bundle(str(tiny_model), output)
    command = [bare_python, "-c", script, bundle.uri]
    said = subprocess.run(command, capture_output=True, text=True, cwd=place, check=True)
    assert said.stdout == "320\n"


def test_what_a_bundle_lacks_is_told_in_one_sentence(
    output: Store, bare_python: Path, tmp_path: Path
) -> None:
    place = tmp_path / "driver"
    download(open_store(output.uri_of(upload_driver(output))), place)
    (place / "driver.tar.gz").write_bytes(b"no tarball")
    done = started(bare_python, place, "run")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "driver.tar.gz: cannot be unpacked" in line
    assert "'nightscribe schedule put' uploads it anew" in line
    assert (place / "output/message").read_text() in line


def test_the_same_sources_give_the_same_driver(output: Store, tmp_path: Path) -> None:
    first = upload_driver(output)
    entry = output.stat(f"{first}driver.tar.gz")
    assert upload_driver(output) == first
    assert output.stat(f"{first}driver.tar.gz") == entry
    with tarfile.open(tmp_path / "out" / first / "driver.tar.gz") as tar:
        tops = {name.split("/")[0] for name in tar.getnames()}
    packages = {"batch", "training", "transform_handler", "manifests"}
    assert tops == {*packages, "requirements.txt"}
