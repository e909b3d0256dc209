"""Models into bundles: whatever ``[model] uri`` names ends as one tarball below the output."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch.config import Config, DecodeSection
from batch.decoding import checked, decoding
from batch.wheels import inference_wheels, vendored
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.local_store import download, path_of_uri
from manifests.storage import Store, open_store, parent_store
from manifests.tarball import pack, read_member, unpack, unpack_object
from transform_handler.bundle import bundle_card, bundle_files, installed_from, requirements
from transform_handler.identity import CARD_NAME, BundleCard, DecodeSettings, digest_of

_COPIED_BYTES = 16 << 20
_MODEL_PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model", "*.md"]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that lies below the output location."""

    name: str
    model_digest: str
    decode_digest: str
    uri: str


def configured_bundle(config: Config, output: Store, *, dry: bool = False) -> Bundle:
    """The bundle of ``[model]``, with the wheels of ``[sagemaker]`` where it is for an account.

    Raises:
        InputError: as ``prepare_bundle``.
    """
    return prepare_bundle(
        config.model.uri,
        output,
        precision=config.model.precision,
        decode=checked(config),
        wheels=inference_wheels(config),
        dry=dry,
    )


def prepare_bundle(
    model: str,
    output: Store,
    *,
    precision: str = "exact",
    decode: DecodeSection | None = None,
    wheels: str | None = None,
    dry: bool = False,
) -> Bundle:
    """Make (or find) the bundle of a model folder, a bundle, or a hub's model.

    ``decode`` with a method makes a bundle anew that was made with others. ``wheels`` is a folder
    or prefix to vendor its requirements from. A ``dry`` call writes nothing.

    Raises:
        InputError: there is no usable model there, a wheel is missing, or the model cannot be
            decoded like that; the message says what was found.
    """
    decode = decode or DecodeSection()
    if is_bundle(model) and decode.method is None:
        return _from_tarball(model, output, wheels=wheels, dry=dry)
    name = _card_of(model).name if is_bundle(model) else slug(model)
    with model_folder(model) as folder, decoding(decode, folder) as wanted:
        settings = DecodeSettings(precision=precision, method=wanted.method, beam=wanted.beam)
        card = bundle_card(folder, name=name, decode=settings)
        pins = requirements(settings).decode()
        vendor = vendored(wheels, "inference", pins) if wheels else {}
        files = bundle_files(folder, card, vendor, decode_files=wanted.files)
        key = f"models/{name}/{_identity(files)}/model.tar.gz"
        if not dry and output.stat(key) is None:
            with tempfile.TemporaryDirectory(prefix="nightscribe-bundle-") as scratch:
                tarball = Path(scratch) / "model.tar.gz"
                pack(tarball, files)
                output.put(key, tarball)
        return _bundle(card, output.uri_of(key))


def is_bundle(model: str) -> bool:
    """Whether a model's name is that of a tarball, not of a folder."""
    return model.endswith((".tar.gz", ".tgz"))


@contextmanager
def model_folder(model: str) -> Iterator[Path]:
    """The model as a folder on this machine: as it is, of a bundle, from storage or the hub."""
    if is_bundle(model) or model.startswith("s3://"):
        with tempfile.TemporaryDirectory(prefix="nightscribe-model-") as scratch:
            if is_bundle(model):
                unpack_object(model, Path(scratch))
            else:
                download(open_store(model), Path(scratch))
            yield Path(scratch)
        return
    folder = path_of_uri(model) if model.startswith("file://") else Path(model)
    if folder.is_dir():
        yield folder
    elif "://" not in model and not folder.is_absolute():
        yield _from_hub(model)
    else:
        raise InputError(
            f"[model] uri {model!r}: no such folder; a model folder, a bundle (model.tar.gz) "
            "or a hub name such as facebook/wav2vec2-base-960h is expected"
        )


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    try:
        return Path(snapshot_download(name, allow_patterns=_MODEL_PATTERNS))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(
            f"[model] uri {name!r}: no folder here, and the hub did not give it out "
            f"({type(error).__name__}); check the name and the network, or name a folder"
        ) from error


def _card_of(model: str) -> BundleCard:
    store, key = parent_store(model)
    if store.stat(key) is None:
        raise InputError(f"[model] uri {model!r}: no such bundle")
    return _card_in(model)


def _from_tarball(model: str, output: Store, *, wheels: str | None, dry: bool) -> Bundle:
    card = _card_of(model)
    store, key = parent_store(model)
    if model.startswith(output.uri) and not wheels:
        return _bundle(card, model)
    with tempfile.TemporaryDirectory(prefix="nightscribe-bundle-") as scratch:
        tarball = Path(scratch) / "model.tar.gz"
        with store.open(key) as source, tarball.open("wb") as target:
            shutil.copyfileobj(source, target, _COPIED_BYTES)
        added = wheels is not None and _add_wheels(tarball, wheels)
        if model.startswith(output.uri) and not added:
            return _bundle(card, model)
        own = f"models/{card.name}/{sha256_of(tarball)[:12]}/model.tar.gz"
        if not dry and output.stat(own) is None:
            output.put(own, tarball)
    return _bundle(card, output.uri_of(own))


def _add_wheels(tarball: Path, wheels: str) -> bool:
    """Put wheels beside a bundle's code; False where it brings its own."""
    folder = tarball.parent / "unpacked"
    unpack(tarball, folder)
    if (folder / "code/wheels").is_dir():
        return False
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    wanted = (folder / "code/requirements.txt").read_bytes()
    files |= installed_from(vendored(wheels, "inference", wanted.decode()), wanted)
    pack(tarball, files)
    return True


def _card_in(model: str) -> BundleCard:
    refusal = f"[model] uri {model!r}: not a nightscribe bundle, which has a {CARD_NAME}"
    try:
        text = read_member(model, CARD_NAME)
    except InputError as error:
        raise InputError(f"{refusal} ({error})") from error
    if text is None:
        raise InputError(refusal)
    return BundleCard.from_json(text, name=f"{model}, {CARD_NAME}")


def _identity(files: Mapping[str, Path | bytes]) -> str:
    return digest_of({name: sha256_of(content) for name, content in files.items()})


def _bundle(card: BundleCard, uri: str) -> Bundle:
    return Bundle(
        name=card.name, model_digest=card.model_digest, decode_digest=card.decode_digest, uri=uri
    )


def slug(model: str) -> str:
    """A model's name as a part of keys and job names: letters, digits and single dashes."""
    tail = model.rstrip("/").split("://")[-1]
    name = "/".join(tail.split("/")[-2:]) if not tail.startswith("/") else tail.split("/")[-1]
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "model"
