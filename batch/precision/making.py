"""The network that goes into a bundle beside the weights, made once for what it is made of."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from batch.precision.calibrating import calibration_sound, demo_speech
from batch.precision.checking import LEAST_WORDS, LIMIT, checked, refusal, unchecked
from batch.precision.child import converted, quantised
from batch.precision.converting import NotConvertibleError
from batch.precision.held_out import HeldOut, candidate, transcribed
from batch.precision.quantising import NNCF
from batch.precision.wanted import Precision
from manifests.errors import InputError
from transform_handler.audio.layout import is_speech_to_text
from transform_handler.conversion import AnyForm, Calibration, Conversion, PrecisionCheck
from transform_handler.engine.checkpoints import model_config, refuse_fast
from transform_handler.engine.converted import OPENVINO, files_of, runs_here
from transform_handler.engine.devices import choose_device
from transform_handler.identity import CARD_NAME, BundleCard, quantised_digest

_GPUS = ("cuda",)
RECIPE = 1
"""Raised when the same model and sound would be converted to something else."""
DEVICES = ("cpu",)
_TOOLS: Mapping[AnyForm, Mapping[str, str]] = {
    "fp32": {"openvino": OPENVINO},
    "int8": {"openvino": OPENVINO, "nncf": NNCF},
    "half": {},
}
_DEMO = "synthesised speech of the demo"


@dataclass(frozen=True, kw_only=True)
class Made:
    """The files of a converted network by their names in a bundle, and the bundle's card."""

    files: Mapping[str, Path]
    card: BundleCard


def silent(_: str) -> None:
    """Whoever does not watch."""


@dataclass(frozen=True, kw_only=True)
class Making:
    """A conversion that a bundle asks for; ``plain`` is the card of the weights as they are.

    ``fast`` on GPUs converts nothing: the weights are read in half precision there. It is checked
    like any other, on this machine, in half precision as well.

    ``tell`` gets a line before each step that takes minutes.
    """

    precision: Precision
    plain: BundleCard
    speech: HeldOut | None
    tell: Callable[[str], None] = field(default=silent, compare=False)

    @classmethod
    def of(
        cls,
        folder: Path,
        plain: BundleCard,
        precision: Precision,
        *,
        name: str,
        speech: HeldOut | None,
        tell: Callable[[str], None] = silent,
    ) -> Making | None:
        """What is to be made of a model folder; None where its weights stay as they are.

        ``speech`` is what ``[model] held_out`` names.

        Raises:
            InputError: ``fast`` is nothing for where it will run, or the
                model is none that can be ``fast``.
        """
        if is_speech_to_text(model_config(folder)):
            refuse_fast(plain.name, precision.name)
            return None
        if precision.name == "exact":
            made = precision.converts_exact(folder)
            return cls(precision=precision, plain=plain, speech=None, tell=tell) if made else None
        precision.check_place(name)
        return cls(precision=precision, plain=plain, speech=speech, tell=tell)

    @property
    def is_fast(self) -> bool:
        """Whether the text may differ from what the weights say."""
        return self.precision.name == "fast"

    @property
    def form(self) -> AnyForm:
        """What is made."""
        if not self.is_fast:
            return "fp32"
        return "half" if self.precision.half else "int8"

    @property
    def names(self) -> tuple[str, ...]:
        """The files of its network by their names in a bundle."""
        return () if self.form == "half" else files_of(self.form)

    @property
    def inputs(self) -> dict[str, Any]:
        """All that the outcome depends on besides the bundle's other files."""
        inputs: dict[str, Any] = {"recipe": RECIPE, "tools": self._tools}
        if self.is_fast:
            speech = self.speech.digest if self.speech else None
            inputs |= {
                "form": self.form,
                "speech": speech,
                "limit": LIMIT,
                "least_words": LEAST_WORDS,
            }
        return inputs

    def taken(self, card: BundleCard, *, name: str) -> BundleCard:
        """A finished one's card, which says whether somebody had to accept it.

        Raises:
            InputError: its check refuses it, and nobody accepts that.
        """
        conversion = card.conversion
        if conversion is None or conversion.check is None or not conversion.check.problem:
            return card
        if not self.precision.accept:
            raise refusal(name, conversion.check)
        check = replace(conversion.check, accepted=True)
        return replace(card, conversion=replace(conversion, check=check))

    def unmade(self, digest: str) -> BundleCard:
        """The card before anything is made; ``fast`` has the digest of its inputs until then."""
        if not self.is_fast:
            conversion = Conversion(form="fp32", devices=DEVICES, tools=self._tools)
            return replace(self.plain, conversion=conversion)
        decode = replace(self.plain.decode, precision="fast")
        return BundleCard.of(name=self.plain.name, model_digest=digest, decode=decode)

    def possible(self) -> bool:
        """Whether this machine can make it.

        Raises:
            InputError: it is ``fast``, which needs to be made.
        """
        missing = [] if self.form == "half" or runs_here() else ["an x86 processor with openvino"]
        missing += [
            f"{name}=={version}"
            for name, version in self._tools.items()
            if _installed(name) != version
        ]
        if missing and self.is_fast:
            raise InputError(
                '[model] precision "fast" is made with OpenVINO and NNCF, and this machine lacks '
                f"{', '.join(missing)}: pip install 'nightscribe[fast]', or plan once on a machine "
                'that has them, or set precision = "exact"'
            )
        return not missing

    def make(self, folder: Path, scratch: Path, *, name: str) -> Made:
        """Convert the model of ``folder`` below ``scratch``; ``name`` is what people call it.

        Raises:
            InputError: it is to be ``fast`` and cannot be converted.
        """
        if self.form == "half":
            return self._half(folder)
        return self._fast(folder, scratch, name) if self.is_fast else self._exact(folder, scratch)

    @property
    def _tools(self) -> Mapping[str, str]:
        return _TOOLS[self.form]

    def _exact(self, folder: Path, scratch: Path) -> Made:
        conversion = Conversion(form="fp32", devices=DEVICES, tools=self._tools)
        try:
            self.tell("converting the network for CPUs, once")
            files = converted(folder, scratch)
        except NotConvertibleError as error:
            files = {}
            conversion = replace(conversion, form=None, devices=(), note=str(error))
        return Made(files=files, card=replace(self.plain, conversion=conversion))

    def _fast(self, folder: Path, scratch: Path, name: str) -> Made:
        try:
            self.tell("converting the network for CPUs, once")
            exact = converted(folder, scratch)
            sounds, calibration = self._calibration()
            self.tell(f"quantising it on {calibration.seconds:.0f} s of speech")
            files = quantised(folder, scratch, sounds)
        except NotConvertibleError as error:
            raise InputError(
                f'[model] precision "fast" is not possible for {name}: {error}; '
                'set precision = "exact"'
            ) from error
        card = BundleCard.of(
            name=self.plain.name,
            model_digest=quantised_digest(self.plain.model_digest, files),
            decode=replace(self.plain.decode, precision="fast"),
            conversion=Conversion(
                form="int8",
                devices=DEVICES,
                tools=self._tools,
                calibration=calibration,
                check=self._check(folder, exact, files),
            ),
        )
        return Made(files=files, card=card)

    def _half(self, folder: Path) -> Made:
        decode = replace(self.plain.decode, precision="fast")
        digest = self.plain.model_digest
        card = BundleCard.of(name=self.plain.name, model_digest=digest, decode=decode)
        check = self._check(folder, {}, {CARD_NAME: card.to_json().encode()})
        conversion = Conversion(form="half", devices=_GPUS, tools=self._tools, check=check)
        return Made(files={}, card=replace(card, conversion=conversion))

    def _calibration(self) -> tuple[list[Any], Calibration]:
        if self.speech is not None and self.speech.calibration:
            return calibration_sound(self.speech.calibration, source=f"labels {self.speech.digest}")
        return calibration_sound(demo_speech(), source=_DEMO)

    def _check(
        self, folder: Path, exact: Mapping[str, Path], fast: Mapping[str, Path | bytes]
    ) -> PrecisionCheck:
        if self.speech is None or not self.speech.check:
            return unchecked()
        count = len(self.speech.check)
        self.tell(f"checking it on {count} labelled utterances, exact and fast")
        found = []
        where = choose_device() if self.form == "half" else "cpu"
        for files in (exact, fast):
            with candidate(folder, files) as model:
                name = self.plain.name
                found.append(transcribed(model, self.speech.check, name=name, device=where))
        return checked(*found, labels=self.speech.digest)


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
