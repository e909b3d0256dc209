"""``[decode]`` into what a bundle holds: settings for its card, and the files that they name."""

from __future__ import annotations

import gzip
import importlib.util
import shutil
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from batch.config import Config, DecodeSection
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.scratch import scratch_folder
from manifests.storage import parent_store
from transform_handler.decoding.decoder import HOT_WORDS_NAME, LANGUAGE_MODEL_STEM, hot_words_in
from transform_handler.decoding.greedy import Alphabet
from transform_handler.decoding.symbols import Symbols
from transform_handler.engine.checkpoints import model_config
from transform_handler.identity import DECODE_FOLDER, BeamSettings

# A language model takes from every word; without something back, few long words win.
_LM_WORD_BONUS = 2.0
_COPIED_BYTES = 16 << 20
_GZIP = b"\x1f\x8b"
_ARPA = b"\\data\\"
_KENLM = b"mmap lm http://kheafield.com/code"


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a bundle decodes; ``files`` go below ``decode/``."""

    method: str = "greedy"
    beam: BeamSettings | None = None
    files: Mapping[str, Path | bytes] = field(default_factory=dict)


def checked(config: Config) -> DecodeSection:
    """``[decode]``, of which this machine can do what it will have to.

    Raises:
        InputError: keys that need a beam without one, or a language model where KenLM's package is
            needed here and not installed.
    """
    section = config.decode
    if section.method != "beam":
        for key in ("language_model", "hot_words"):
            if getattr(section, key):
                raise InputError(f'[decode] {key} needs method = "beam"')
    local = config.platform.name == "local"
    if section.language_model and local and importlib.util.find_spec("kenlm") is None:
        raise InputError(
            "[decode] language_model needs the package ufal.kenlm here: pip install "
            "'nightscribe[lm]'"
        )
    return section


@contextmanager
def decoding(section: DecodeSection, model: Path) -> Iterator[Decoding]:
    """What ``[decode]`` puts into the bundle of a model folder; its files live as long as this.

    Raises:
        InputError: the model is no CTC model, hot words that its letters cannot spell, or a
            language model that is none.
    """
    if section.method != "beam":
        yield Decoding()
        return
    alphabet = alphabet_of(model)
    with scratch_folder("decode") as scratch:
        folder = scratch / DECODE_FOLDER
        folder.mkdir()
        files: dict[str, Path | bytes] = {}
        if section.hot_words:
            path = folder / HOT_WORDS_NAME
            path.write_bytes(_hot_words(section.hot_words))
            files[HOT_WORDS_NAME] = path
        if section.language_model:
            name, path = _language_model(section.language_model, folder)
            files[name] = path
        beam = _settings(section, files)
        hot_words_in(folder, beam, Symbols.of(alphabet))
        yield Decoding(method="beam", beam=beam, files=files)


def alphabet_of(model: Path) -> Alphabet:
    """The letters of a CTC model folder.

    Raises:
        InputError: another kind of model, or one without a tokenizer.
    """
    import transformers  # noqa: PLC0415

    kinds = model_config(model).get("architectures") or []
    if not any(str(kind).endswith("ForCTC") for kind in kinds):
        raise InputError(
            f'[decode] method = "beam" is for CTC models; {model.name} is {", ".join(kinds)}'
        )
    try:
        config = transformers.AutoConfig.from_pretrained(model, local_files_only=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{model}: its tokenizer cannot be read: {error}") from error
    return Alphabet.from_vocabulary(
        tokenizer.get_vocab(),
        blank=config.pad_token_id,
        delimiter=getattr(tokenizer, "word_delimiter_token", None),
        specials=frozenset(tokenizer.all_special_tokens),
    )


def _hot_words(entries: list[str]) -> bytes:
    """One a line; the same list in any order gives the same bytes."""
    lines = {" ".join(unicodedata.normalize("NFC", entry).split()) for entry in entries}
    return "".join(f"{line}\n" for line in sorted(lines)).encode()


def _language_model(location: str, folder: Path) -> tuple[str, Path]:
    """Its name in a bundle, and the file; one in storage or gzipped is laid into ``folder``.

    The bundle is compressed as a whole, and KenLM need not have been built to read gzip.
    """
    path = _fetched(location, folder / "fetched") if "://" in location else Path(location)
    if not path.is_file():
        raise InputError(f"[decode] language_model {location!r}: no such file")
    head = _head(path)
    if head.startswith(_GZIP):
        path = _unzipped(path, folder / "unzipped")
        head = _head(path)
    if head.startswith(_KENLM):
        return f"{LANGUAGE_MODEL_STEM}.bin", path
    if _ARPA in head:
        return f"{LANGUAGE_MODEL_STEM}.arpa", path
    raise InputError(
        f"[decode] language_model {location!r}: neither ARPA, gzipped or not, nor a KenLM binary; "
        f"it begins with {head[:20]!r}"
    )


def _fetched(location: str, target: Path) -> Path:
    store, key = parent_store(location)
    if store.stat(key) is None:
        raise InputError(f"[decode] language_model {location!r}: no such object")
    with store.open(key) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, _COPIED_BYTES)
    return target


def _unzipped(path: Path, target: Path) -> Path:
    try:
        with gzip.open(path) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, _COPIED_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"[decode] language_model {path}: a damaged gzip file ({error})"
        ) from error
    return target


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _settings(section: DecodeSection, files: Mapping[str, Path | bytes]) -> BeamSettings:
    """What changes a text: what has no effect here is zero."""
    hashes = {name.partition(".")[0]: sha256_of(content) for name, content in files.items()}
    language_model = hashes.get(LANGUAGE_MODEL_STEM)
    hot_words = hashes.get(HOT_WORDS_NAME.partition(".")[0])
    usual_bonus = _LM_WORD_BONUS if language_model else 0.0
    return BeamSettings(
        beam_width=section.beam_width,
        language_model=language_model,
        lm_weight=section.lm_weight if language_model else 0.0,
        word_bonus=usual_bonus if section.word_bonus is None else section.word_bonus,
        hot_words=hot_words,
        hot_word_boost=section.hot_word_boost if hot_words else 0.0,
    )
