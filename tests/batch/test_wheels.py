"""What containers install: pinned, whole, and from wheels alone where there is no internet."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from batch.bundles import configured_bundle, prepare_bundle
from batch.cli.main import cli
from batch.config import Config, load_config
from batch.schedule.driver import upload_driver
from batch.wheels import KINDS, Kind, download, requirements, vendored, wheels_location
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.storage import Store, open_store
from manifests.tarball import unpack_object
from tests.batch.wheel_files import wheel_files

ROOT = Path(__file__).parents[2]
INFERENCE = requirements("inference")
# What an image of each kind brings along, being what its torch and transformers need.
IN_IMAGE = ("torch", "transformers", "numpy", "accelerate", "safetensors")


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path / "out")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    wheel_files(tmp_path / "wheels", INFERENCE)
    return tmp_path / "wheels"


def content_of(uri: str, folder: Path) -> Path:
    unpack_object(uri, folder)
    return folder


def pins(text: str) -> dict[str, str]:
    return {canonicalize_name(line.split("==")[0]): line for line in text.split()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_container_installs_is_what_the_lock_has(kind: Kind) -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    assert set(requirements(kind, lora=True, language_model=True).split()) <= set(lock)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_container_installs_needs_nothing_else(kind: Kind) -> None:
    listed = set(pins(requirements(kind, lora=True, language_model=True)))
    image = set() if kind == "driver" else needed(set(IN_IMAGE))
    assert needed(listed, stop=image) - image <= listed


def needed(names: set[str], stop: set[str] = frozenset()) -> set[str]:  # type: ignore[assignment]
    """The distributions and all that they require in turn."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        for line in [] if name in stop else importlib.metadata.requires(name) or []:
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(one.name)} - found
    return found


def test_the_image_of_the_dockerfile_has_what_the_bundle_installs() -> None:
    text = (ROOT / "infra/Dockerfile").read_text("utf-8")
    copied = re.search(r"^COPY (\S+) ", text, re.MULTILINE)
    assert copied is not None
    assert (ROOT / copied[1]).read_text("utf-8") == INFERENCE
    assert "==" not in text


def test_wheels_change_the_bundle_and_not_the_model(
    output: Store, tiny_model: Path, wheels: Path
) -> None:
    plain = prepare_bundle(str(tiny_model), output)
    vendor = prepare_bundle(str(tiny_model), output, wheels=str(wheels))
    assert (vendor.model_digest, vendor.decode_digest) == (plain.model_digest, plain.decode_digest)
    assert vendor.uri != plain.uri
    assert prepare_bundle(str(tiny_model), output, wheels=str(wheels)) == vendor
    (wheels / "soxr-1.1.0-py3-none-any.whl").write_bytes(b"another build")
    assert prepare_bundle(str(tiny_model), output, wheels=str(wheels)).uri != vendor.uri


def test_pip_installs_a_bundles_requirements_from_its_own_wheels(
    output: Store, tiny_model: Path, wheels: Path, tmp_path: Path
) -> None:
    bundle = prepare_bundle(str(tiny_model), output, wheels=str(wheels))
    code = content_of(bundle.uri, tmp_path / "model") / "code"
    target = tmp_path / "site"
    # As the container does it, in a folder that is not the bundle's.
    command = [sys.executable, "-m", "pip", "install", "-r", str(code / "requirements.txt")]
    nowhere = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [*command, "--target", str(target)],
        cwd=tmp_path,
        env=nowhere,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    installed = {path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info")}
    # A dash in a distribution's name is an underscore in its folder's.
    assert installed == {line.replace("-", "_").replace("==", "-") for line in INFERENCE.split()}


def test_a_bundle_takes_its_own_wheels_and_no_others(
    output: Store, tiny_model: Path, wheels: Path, tmp_path: Path
) -> None:
    wheel_files(wheels, "torch==2.6.0 av==17.0.0 jiwer==4.0.0")
    wheel_files(wheels, "soxr==1.1.0", tag="cp312-abi3-manylinux_2_28_x86_64")
    bundle = prepare_bundle(str(tiny_model), output, wheels=str(wheels))
    names = {
        path.name for path in (content_of(bundle.uri, tmp_path / "m") / "code/wheels").iterdir()
    }
    assert len(names) == len(INFERENCE.split()) + 1
    assert not [name for name in names if name.startswith(("torch", "av-17", "jiwer"))]


def test_a_bundle_made_without_wheels_gets_them(
    output: Store, tiny_model: Path, wheels: Path, tmp_path: Path
) -> None:
    plain = prepare_bundle(str(tiny_model), output)
    added = prepare_bundle(plain.uri, output, wheels=str(wheels))
    other = open_store(tmp_path / "other")
    made = prepare_bundle(str(tiny_model), other, wheels=str(wheels))
    assert added.model_digest == plain.model_digest
    assert output.read(output.key_of(added.uri)) == other.read(other.key_of(made.uri))
    assert prepare_bundle(added.uri, output, wheels=str(wheels)) == added


def test_a_missing_wheel_is_told_with_the_command_that_fetches_it(wheels: Path) -> None:
    (wheels / "soxr-1.1.0-py3-none-any.whl").unlink()
    (wheels / "av-18.1.0-py3-none-any.whl").rename(wheels / "av-17.0.0-py3-none-any.whl")
    with pytest.raises(InputError, match=r"lacks av==18\.1\.0 and 1 others for the inference") as e:
        vendored(str(wheels), "inference", INFERENCE)
    assert "nightscribe wheels FOLDER --for inference" in str(e.value)


def test_wheels_may_lie_in_s3(s3_bucket: str, wheels: Path) -> None:
    store = open_store(f"s3://{s3_bucket}/wheels/")
    for path in wheels.iterdir():
        store.put(path.name, path)
    found = vendored(f"s3://{s3_bucket}/wheels", "inference", INFERENCE)
    assert found == {f"wheels/{path.name}": path.read_bytes() for path in wheels.iterdir()}


def test_the_drivers_bundle_takes_its_wheels(output: Store, tmp_path: Path) -> None:
    names = wheel_files(tmp_path / "wheels", requirements("driver"))
    folder = upload_driver(output, str(tmp_path / "wheels"))
    content_of(output.uri_of(f"{folder}driver.tar.gz"), tmp_path / "driver")
    assert {path.name for path in (tmp_path / "driver/wheels").iterdir()} == names


def config_for(tmp_path: Path, model: Path, *more: str) -> Config:
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f"""
        [archive]
        uri = "s3://meetings/"
        [model]
        uri = {json.dumps(str(model))}
        [output]
        uri = {json.dumps(str(tmp_path / "out"))}
        [sagemaker]
        role = "arn:aws:iam::123456789012:role/x"
        """
    )
    return load_config(path, more)


def test_only_a_bundle_for_an_account_gets_wheels(
    tmp_path: Path, tiny_model: Path, wheels: Path, s3_bucket: str
) -> None:
    named = f"sagemaker.wheels={wheels}"
    here, there = (
        config_for(tmp_path, tiny_model, named, *more)
        for more in ((), (f"output.uri=s3://{s3_bucket}/",))
    )
    for config, has in ((here, False), (there, True)):
        bundle = configured_bundle(config, open_store(config.output.uri))
        folder = content_of(bundle.uri, tmp_path / f"has {has}")
        assert (folder / "code/wheels").is_dir() is has


@pytest.mark.parametrize("kind", ["inference", "training"])
def test_a_container_without_a_network_needs_wheels_or_an_image_of_ones_own(
    tmp_path: Path, kind: Kind
) -> None:
    cut = config_for(tmp_path, tmp_path, "sagemaker.network_isolation=true")
    with pytest.raises(InputError, match=f"nightscribe wheels FOLDER --for {kind}; or name an"):
        wheels_location(cut.sagemaker, kind)
    baked = config_for(
        tmp_path, tmp_path, "sagemaker.network_isolation=true", f"sagemaker.{kind}_image=own"
    )
    assert wheels_location(baked.sagemaker, kind) is None


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "index"


def test_wheels_are_downloaded_for_the_image_and_recorded(index: Path, tmp_path: Path) -> None:
    pins = requirements("training", lora=True).split()
    wheel_files(index, " ".join(pins[1:]))
    wheel_files(index, pins[0], tag="cp312-abi3-manylinux_2_28_x86_64")
    folder = tmp_path / "wheels"
    done = CliRunner().invoke(cli, ["wheels", str(folder), "--for", "training"])
    assert done.exit_code == 0, done.exception
    assert f"training: {len(pins)} wheels" in done.output
    recorded = json.loads((folder / "wheels.json").read_text())["training"]
    assert recorded["python"] == "3.12"
    assert recorded["sha256"] == {path.name: sha256_of(path) for path in folder.glob("*.whl")}


def test_a_second_kind_is_recorded_beside_the_first(index: Path, tmp_path: Path) -> None:
    for kind in ("inference", "driver"):
        wheel_files(index, requirements(kind, language_model=True))  # type: ignore[arg-type]
    download(tmp_path / "wheels", "inference")
    done = download(tmp_path / "wheels", "driver")
    assert len(done.wheels) == len(requirements("driver").split())
    record = json.loads((tmp_path / "wheels/wheels.json").read_text())
    assert set(record) == {"inference", "driver"}


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"file/wheels: Not a directory; name a folder"):
        download(tmp_path / "file/wheels", "inference")


def test_an_index_that_gives_nothing_out_is_one_sentence(index: Path, tmp_path: Path) -> None:
    index.mkdir()
    with pytest.raises(InputError, match=r"av==18\.1\.0.*is the package index reachable") as raised:
        download(tmp_path / "wheels", "inference")
    assert "\n" not in str(raised.value)
