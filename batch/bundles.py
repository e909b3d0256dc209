"""Models into bundles: whatever ``[model] uri`` names ends as one tarball below the output."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch.confidence import Confident, Fitting
from batch.config import Config, DecodeSection
from batch.decoding import checked, decoding
from batch.language import check_language
from batch.precision.held_out import held_out
from batch.precision.kept import Kept
from batch.precision.making import Making, silent
from batch.precision.wanted import Precision
from batch.wheels import inference_wheels, vendored
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.local_store import download, path_of_uri
from manifests.scratch import scratch_folder
from manifests.storage import Store, open_store, parent_store
from manifests.tarball import pack, read_member, unpack, unpack_object
from transform_handler.audio.layout import layout_for
from transform_handler.bundle import bundle_card, bundle_files, installed_from, requirements
from transform_handler.engine.checkpoints import model_config
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


def configured_bundle(
    config: Config, output: Store, *, dry: bool = False, tell: Callable[[str], None] = silent
) -> Bundle:
    """The bundle of ``[model]``, with the wheels of ``[sagemaker]`` where it is for an account.

    Raises:
        InputError: as ``prepare_bundle``.
    """
    return prepare_bundle(
        config.model.uri,
        output,
        precision=Precision.of(config),
        decode=checked(config),
        wheels=inference_wheels(config),
        language=config.archive.language,
        dry=dry,
        tell=tell,
    )


def prepare_bundle(
    model: str,
    output: Store,
    *,
    precision: Precision | None = None,
    decode: DecodeSection | None = None,
    wheels: str | None = None,
    language: str | None = None,
    dry: bool = False,
    tell: Callable[[str], None] = silent,
) -> Bundle:
    """Make (or find) the bundle of a model folder, a bundle, or a hub's model.

    ``decode`` with a method makes a bundle anew that was made with others. ``wheels`` is a folder
    or prefix to vendor its requirements from. ``language`` is what the recordings speak. A ``dry``
    call writes nothing, converts nothing and transcribes nothing: a bundle that is still to be made
    has digests of its inputs. ``tell`` gets a line before each step of a conversion.

    Raises:
        InputError: there is no usable model there, a wheel is missing, the precision is refused,
            the model cannot be decoded like that, or does not know the language; the message says
            what was found.
    """
    precision, decode = precision or Precision(), decode or DecodeSection()
    card = _card_of(model) if is_bundle(model) else None
    if card is not None and _is_ready(model, card, precision, decode):
        check_language(model, lambda name: read_member(model, name), language)
        return _from_tarball(model, card, output, wheels=wheels, dry=dry)
    name = card.name if card is not None else slug(model)
    with model_folder(model) as folder, decoding(decode, folder) as wanted:
        check_language(model, lambda name: _file_of(folder, name), language)
        layout = layout_for(model_config(folder))
        settings = DecodeSettings.of(layout, method=wanted.method, beam=wanted.beam)
        plain = bundle_card(folder, name=name, decode=settings)
        speech = held_out(precision.held_out) if precision.held_out else None
        making = Making.of(folder, plain, precision, name=model, speech=speech, tell=tell)
        fitting = Fitting.of(output, folder, decode_files=wanted.files, speech=speech)
        parts = _Parts(folder=folder, decode_files=wanted.files, wheels=wheels, fitting=fitting)
        if making is not None:
            found = _converted(model, parts, making, output, dry=dry)
            if found is not None:
                return found
        sure = parts.fitting.known(plain) if dry else parts.fitting.made(plain, {})
        files = parts.files(sure)
        key = f"models/{name}/{_identity(files)}/model.tar.gz"
        if not dry and output.stat(key) is None:
            _put(output, key, files)
        return _bundle(sure.card, output.uri_of(key))


def _is_ready(model: str, card: BundleCard, precision: Precision, decode: DecodeSection) -> bool:
    """Whether a bundle is as it shall be, and not to be decoded otherwise, or faster.

    Raises:
        InputError: it is ``fast`` and nobody asks for that, or it cannot run where it will be.
    """
    made = card.decode.precision
    if made == precision.name == "fast":
        precision.check_place(model)
        if card.conversion and (card.conversion.form == "half") != precision.half:
            raise InputError(
                f"[model] uri {model!r}: this bundle was made and checked for "
                f"{'GPUs' if card.conversion.form == 'half' else 'CPUs'}, and will run on "
                f"{'GPUs' if precision.half else 'CPUs'} here; name the model that it was made of"
            )
    if made == "fast" and precision.name == "exact":
        raise InputError(
            f'[model] uri {model!r}: this bundle was made with precision = "fast"; say so in '
            "[model], or name a bundle or a model folder that was not"
        )
    return made == precision.name and decode.method is None


def _file_of(folder: Path, name: str) -> bytes | None:
    path = folder / name
    return path.read_bytes() if path.is_file() else None


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What a bundle is made of besides its card and a converted network."""

    folder: Path
    decode_files: Mapping[str, Path | bytes]
    wheels: str | None
    fitting: Fitting

    def files(
        self, sure: Confident, converted: Mapping[str, Path] | None = None
    ) -> dict[str, Path | bytes]:
        """Everything, by its name in the bundle."""
        vendor = {}
        if self.wheels:
            vendor = vendored(self.wheels, "inference", requirements(sure.card).decode())
        return bundle_files(
            self.folder,
            sure.card,
            vendor,
            decode_files=self.decode_files,
            converted=converted,
            fit=sure.fit,
        )


def _converted(
    model: str, parts: _Parts, making: Making, output: Store, *, dry: bool
) -> Bundle | None:
    """The bundle with a converted network; None where this machine cannot make it, nor needs to.

    Raises:
        InputError: ``fast`` cannot be made here, or is refused.
    """
    kept = Kept(output=output, making=making)
    card = kept.card()
    if card is not None:
        card = making.taken(card, name=model)
        sure = parts.fitting.known(card)
        key, _ = _converted_files(parts, kept, sure, {})
        if sure.made and output.stat(key) is not None:
            return _bundle(sure.card, output.uri_of(key))
    if not kept.has_network() and not making.possible():
        return None
    if dry:
        still = parts.fitting.known(card or making.unmade(kept.digest))
        key, _ = _converted_files(parts, kept, still, {})
        return _bundle(still.card, output.uri_of(key))
    with scratch_folder("converted") as scratch:
        made = kept.files(parts.folder, scratch, name=model)
        taken = making.taken(made.card, name=model)
        sure = parts.fitting.made(taken, made.files)
        key, files = _converted_files(parts, kept, sure, made.files)
        _put(output, key, files)
    return _bundle(sure.card, output.uri_of(key))


def _converted_files(
    parts: _Parts, kept: Kept, sure: Confident, network: Mapping[str, Path]
) -> tuple[str, dict[str, Path | bytes]]:
    """The bundle of a conversion: its key, by what it is made of, and its files."""
    files = parts.files(sure, network)
    inputs = {name: one for name, one in files.items() if name not in network}
    key = f"models/{sure.card.name}/{_identity(inputs, converted=kept.digest)}/model.tar.gz"
    return key, files


def _put(output: Store, key: str, files: Mapping[str, Path | bytes]) -> None:
    with scratch_folder("bundle") as scratch:
        tarball = scratch / "model.tar.gz"
        pack(tarball, files)
        output.put(key, tarball)


def is_bundle(model: str) -> bool:
    """Whether a model's name is that of a tarball, not of a folder."""
    return model.endswith((".tar.gz", ".tgz"))


@contextmanager
def model_folder(model: str) -> Iterator[Path]:
    """The model as a folder on this machine: as it is, of a bundle, from storage or the hub."""
    if is_bundle(model) or model.startswith("s3://"):
        with scratch_folder("model") as scratch:
            if is_bundle(model):
                unpack_object(model, scratch)
            else:
                download(open_store(model), scratch)
            yield scratch
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


def _from_tarball(
    model: str, card: BundleCard, output: Store, *, wheels: str | None, dry: bool
) -> Bundle:
    store, key = parent_store(model)
    if model.startswith(output.uri) and not wheels:
        return _bundle(card, model)
    with scratch_folder("bundle") as scratch:
        tarball = scratch / "model.tar.gz"
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


def _card_of(model: str) -> BundleCard:
    """The card of a bundle that a person names."""
    store, key = parent_store(model)
    if store.stat(key) is None:
        raise InputError(f"[model] uri {model!r}: no such bundle")
    return _card_in(model)


def _card_in(model: str) -> BundleCard:
    refusal = f"[model] uri {model!r}: not a nightscribe bundle, which has a {CARD_NAME}"
    try:
        text = read_member(model, CARD_NAME)
    except InputError as error:
        raise InputError(f"{refusal} ({error})") from error
    if text is None:
        raise InputError(refusal)
    return BundleCard.from_json(text, name=f"{model}, {CARD_NAME}")


def _identity(files: Mapping[str, Path | bytes], *, converted: str | None = None) -> str:
    hashes = {name: sha256_of(content) for name, content in files.items()}
    return digest_of({**hashes, "converted": converted} if converted else hashes)


def _bundle(card: BundleCard, uri: str) -> Bundle:
    return Bundle(
        name=card.name, model_digest=card.model_digest, decode_digest=card.decode_digest, uri=uri
    )


def slug(model: str) -> str:
    """A model's name as a part of keys and job names: letters, digits and single dashes."""
    tail = model.rstrip("/").split("://")[-1]
    name = "/".join(tail.split("/")[-2:]) if not tail.startswith("/") else tail.split("/")[-1]
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "model"
