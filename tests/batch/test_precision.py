"""``precision = "fast"``: made once, checked on labels, let in or refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import batch.precision.making as making_module
from batch.bundles import Bundle, prepare_bundle
from batch.config import load_config
from batch.instances import has_x86_cpu_only
from batch.precision import wanted
from batch.precision.checking import LEAST_WORDS, LIMIT, checked, refusal
from batch.precision.converting import NotConvertibleError
from batch.precision.held_out import CALIBRATION_SHARE, split
from batch.precision.wanted import Precision, has_eight_bit_products
from manifests.errors import InputError
from manifests.labels import LabelledUtterance
from manifests.storage import Store, open_store
from manifests.tarball import unpack_object
from tests.conftest import speechlike, write_sound
from training.evaluating.scores import Evaluation, UtteranceScore
from training.labels.text import TextRules
from training.scoring import normalizer_for, score_pair
from transform_handler.conversion import Conversion
from transform_handler.engine.converted import files_of
from transform_handler.identity import BundleCard, quantised_digest

pytestmark = pytest.mark.usefixtures("warm_python")

FAST = Precision(name="fast", accept=True)
WORDS = ["the", "board", "meets", "in", "room", "seven", "on", "every", "second", "monday"]


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path / "out")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    rows = []
    for number in range(10):
        write_sound(folder / f"{number}.flac", speechlike(1.5, seed=number))
        rows.append({"audio_filepath": f"{number}.flac", "duration": 1.5, "text": "a few words"})
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Real:
    """One bundle that was really converted, quantised and checked, for all tests that look."""

    def __init__(self, folder: Path, model: Path, labels: Path) -> None:
        self.output = open_store(folder / "out")
        self.model, self.labels = str(model), str(labels)
        with pytest.raises(InputError) as refused:
            self.prepare(accept=False)
        self.refusal = str(refused.value)
        self.bundle = self.prepare(accept=True)
        self.folder = folder / "unpacked"
        unpack_object(self.bundle.uri, self.folder)

    def prepare(self, *, accept: bool, dry: bool = False) -> Bundle:
        precision = Precision(name="fast", accept=accept, held_out=self.labels)
        return prepare_bundle(self.model, self.output, precision=precision, dry=dry)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, labels: Path) -> Real:
    return Real(tmp_path_factory.mktemp("real"), tiny_model, labels)


class Conversions:
    """Stands in for the converters, which take seconds: counts what they are asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def converted(self, folder: Path, target: Path) -> dict[str, Path]:
        return self._write("fp32", target)

    def quantised(self, folder: Path, target: Path, sounds: Sequence[Any]) -> dict[str, Path]:
        assert sounds
        return self._write("int8", target)

    def _write(self, form: Any, target: Path) -> dict[str, Path]:
        self.calls.append(form)
        files = {name: target / name for name in files_of(form)}
        for name, path in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return files


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> Conversions:
    made = Conversions()
    monkeypatch.setattr(making_module, "converted", made.converted)
    monkeypatch.setattr(making_module, "quantised", made.quantised)
    monkeypatch.setattr(Precision, "check_place", lambda self, model: None)
    return made


def evaluation(texts: Mapping[LabelledUtterance, str]) -> Evaluation:
    rule = normalizer_for("en")
    scores = [
        UtteranceScore(
            utterance=one, hypothesis=text, seconds=4.0, score=score_pair(one.text, text, rule)
        )
        for one, text in texts.items()
    ]
    return Evaluation(
        model="m",
        model_digest="0",
        decode_digest="0",
        device="cpu",
        normalizer=rule.name,
        text_rules=TextRules(),
        utterances=tuple(scores),
        failures=(),
    )


def utterances(count: int) -> list[LabelledUtterance]:
    text = " ".join(WORDS)
    return [LabelledUtterance(audio=f"file:///{n}.flac", text=text) for n in range(count)]


def compared(count: int, *, spoilt: int) -> Any:
    """The check where exact makes no error and fast one in each of ``spoilt`` utterances."""
    said = utterances(count)
    wrong = " ".join(["a", *WORDS[1:]])
    exact = {one: one.text for one in said}
    fast = {one: wrong if n < spoilt else one.text for n, one in enumerate(said)}
    return checked(evaluation(exact), evaluation(fast), labels="abc")


def test_fast_is_refused_where_the_interval_reaches_over_the_limit() -> None:
    check = compared(400, spoilt=8)
    assert check.words == 4000
    assert check.delta == pytest.approx(0.002)
    assert check.high > LIMIT
    message = str(refusal("acme", check))
    assert message.startswith(
        '[model] precision "fast" is refused for acme: its WER differs from exact by +0.20 points '
        "(95 % interval +"
    )
    assert "on 4000 words, and at most +0.20 points are taken at its upper end" in message
    assert 'precision = "exact"' in message
    assert "accept = true" in message


def test_fast_is_let_in_where_the_whole_interval_is_below_the_limit() -> None:
    check = compared(400, spoilt=2)
    assert 0 < check.high <= LIMIT
    assert check.problem is None


def test_too_few_words_tell_nothing_even_where_none_changed() -> None:
    check = compared(LEAST_WORDS // 10 - 1, spoilt=0)
    assert f"{LEAST_WORDS} words are the least that can tell" in check.problem
    assert compared(LEAST_WORDS // 10, spoilt=0).problem is None


def test_no_speech_that_could_be_transcribed_is_a_refusal_of_its_own() -> None:
    assert "could be transcribed" in checked(evaluation({}), evaluation({}), labels="x").problem


def test_what_calibrates_does_not_judge() -> None:
    speech = split(utterances(100))
    assert len(speech.calibration) == 100 * CALIBRATION_SHARE
    assert not set(speech.calibration) & set(speech.check)
    assert speech == split(reversed(utterances(100)))


def test_labels_with_few_words_refuse_a_real_model_with_the_sentence(real: Real) -> None:
    assert 'precision "fast" is refused for' in real.refusal
    assert "on 24 words" in real.refusal
    assert f"{LEAST_WORDS} words are the least" in real.refusal


def test_the_card_of_an_accepted_bundle_has_a_digest_of_its_own_and_the_check(real: Real) -> None:
    card = BundleCard.read(real.folder)
    files = {name: real.folder / name for name in files_of("int8")}
    plain = prepare_bundle(real.model, real.output)
    assert card.model_digest == quantised_digest(plain.model_digest, files)
    assert card.model_digest == real.bundle.model_digest != plain.model_digest
    assert card.decode_digest != plain.decode_digest
    assert card.decode.precision == "fast"
    conversion = card.conversion
    assert conversion is not None
    assert conversion.form == "int8"
    assert conversion.check is not None
    assert conversion.check.accepted
    assert conversion.check.words == 24
    assert conversion.calibration is not None
    assert conversion.calibration.utterances == 2
    assert b"openvino==" in (real.folder / "code/requirements.txt").read_bytes()


def test_a_dry_call_of_a_made_bundle_names_that_bundle(real: Real) -> None:
    assert real.prepare(accept=True, dry=True) == real.bundle


def test_a_second_call_converts_nothing(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(making_module, "converted", never)
    assert real.prepare(accept=True) == real.bundle
    with pytest.raises(InputError, match="is refused for"):
        real.prepare(accept=False)


def test_an_exact_configuration_does_not_take_a_fast_bundle(real: Real) -> None:
    with pytest.raises(InputError, match=r'was made with precision = "fast"; say so in \[model\]'):
        prepare_bundle(real.bundle.uri, real.output)
    assert prepare_bundle(real.bundle.uri, real.output, precision=FAST) == real.bundle


def test_a_dry_call_converts_nothing_and_writes_nothing(
    output: Store, tiny_model: Path, conversions: Conversions
) -> None:
    first = prepare_bundle(str(tiny_model), output, precision=FAST, dry=True)
    assert conversions.calls == []
    assert list(output.list()) == []
    made = prepare_bundle(str(tiny_model), output, precision=FAST)
    assert conversions.calls == ["fp32", "int8"]
    assert made.decode_digest == first.decode_digest
    assert prepare_bundle(str(tiny_model), output, precision=FAST, dry=True) == made


def test_whoever_waits_for_a_conversion_is_told_what_is_done(
    output: Store, tiny_model: Path, conversions: Conversions
) -> None:
    for _ in range(2):
        told: list[str] = []
        prepare_bundle(str(tiny_model), output, precision=FAST, tell=told.append)
        conversions.calls.append(f"told {len(told)}")
    assert conversions.calls == ["fp32", "int8", "told 2", "told 0"]


def test_a_refused_network_is_kept_for_who_accepts_it_later(
    output: Store, tiny_model: Path, conversions: Conversions
) -> None:
    refused = replace(FAST, accept=False)
    for _ in range(2):
        with pytest.raises(InputError, match="no labelled speech is named"):
            prepare_bundle(str(tiny_model), output, precision=refused)
    prepare_bundle(str(tiny_model), output, precision=FAST)
    assert conversions.calls == ["fp32", "int8"]


def test_exact_keeps_its_digests_when_a_converted_network_comes_with_it(
    output: Store, tiny_model: Path, conversions: Conversions, tmp_path: Path
) -> None:
    precision = Precision(on_cpu=True, smallest_bytes=0)
    plain = prepare_bundle(str(tiny_model), output)
    dry = prepare_bundle(str(tiny_model), output, precision=precision, dry=True)
    made = prepare_bundle(str(tiny_model), output, precision=precision)
    assert dry == made
    assert (made.model_digest, made.decode_digest) == (plain.model_digest, plain.decode_digest)
    assert made.uri != plain.uri
    unpack_object(made.uri, tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / files_of("fp32")[0]).is_file()


def test_exact_runs_its_weights_where_they_cannot_be_converted(
    output: Store,
    tiny_model: Path,
    conversions: Conversions,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def refuses(folder: Path, target: Path) -> dict[str, Path]:
        conversions.calls.append("tried")
        raise NotConvertibleError("it is odd")

    monkeypatch.setattr(making_module, "converted", refuses)
    precision = Precision(on_cpu=True, smallest_bytes=0)
    made = prepare_bundle(str(tiny_model), output, precision=precision)
    assert prepare_bundle(str(tiny_model), output, precision=precision) == made
    assert conversions.calls == ["tried"]
    unpack_object(made.uri, tmp_path / "unpacked")
    conversion = BundleCard.read(tmp_path / "unpacked").conversion
    assert conversion is not None
    assert (conversion.form, conversion.note) == (None, "it is odd")
    with pytest.raises(
        InputError, match=r'"fast" is not possible for .*: it is odd; set precision'
    ):
        prepare_bundle(str(tiny_model), output, precision=FAST)


@pytest.mark.parametrize("missing", ["openvino", "nncf"])
def test_missing_packages_are_named_with_what_installs_them(
    missing: str,
    output: Store,
    tiny_model: Path,
    conversions: Conversions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = making_module._installed
    monkeypatch.setattr(
        making_module, "_installed", lambda name: None if name == missing else found(name)
    )
    with pytest.raises(InputError, match=rf"lacks {missing}==.*pip install 'nightscribe\[fast\]'"):
        prepare_bundle(str(tiny_model), output, precision=FAST, dry=True)
    assert conversions.calls == []


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("ml.c6i.xlarge", True),
        ("ml.c7i.2xlarge", True),
        ("ml.m5.large", True),
        ("ml.m6a.large", True),
        ("ml.c7g.xlarge", False),
        ("ml.m6gd.xlarge", False),
        ("ml.g5.xlarge", False),
        ("ml.g4dn.xlarge", False),
        ("ml.p3.2xlarge", False),
        ("ml.inf2.xlarge", False),
        ("ml.trn1.2xlarge", False),
    ],
)
def test_which_instances_compute_on_x86_alone(instance: str, expected: bool) -> None:
    assert has_x86_cpu_only(instance) is expected


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(wanted, "_GPU", tmp_path / "no gpu")

    def precision(flags: str = "avx2 avx512_vnni", extra: str = "") -> Precision:
        processor = tmp_path / "cpuinfo"
        processor.write_text(f"model name\t: any\nflags\t\t: fpu {flags}\n")
        monkeypatch.setattr(wanted, "has_eight_bit_products", lambda: found(processor))
        config = tmp_path / "nightscribe.toml"
        config.write_text(
            '[archive]\nuri = "a"\n[output]\nuri = "o"\n'
            f'[model]\nuri = "m"\nprecision = "fast"\n{extra}'
        )
        return Precision.of(load_config(config))

    found = has_eight_bit_products
    return precision


def test_a_processor_without_products_of_8_bits_refuses_what_would_be_slower(
    configured: Any,
) -> None:
    configured().check_place("acme")
    configured("avx2 avx_vnni").check_place("acme")
    with pytest.raises(InputError, match=r"has no 8-bit products .* int8 is slower than exact"):
        configured("avx2").check_place("acme")
    configured("avx2", "accept = true\n").check_place("acme")


@pytest.mark.parametrize("instance", ["ml.inf2.xlarge", "ml.c7g.xlarge"])
def test_instances_that_can_be_neither_are_refused_before_a_job_starts(
    instance: str, configured: Any
) -> None:
    there = (
        f'accept = true\n[platform]\nname = "sagemaker"\n[transform]\ninstances = ["{instance}"]\n'
    )
    with pytest.raises(InputError, match=f"half precision for GPUs, and {instance} is neither"):
        configured(extra=there).check_place("acme")


def test_a_conversion_reads_back_as_it_was_written() -> None:
    conversion = Conversion(
        form="int8", devices=("cpu",), tools={"nncf": "1"}, check=compared(400, spoilt=2)
    )
    text = json.dumps(conversion.as_json())
    assert Conversion.from_json(json.loads(text)) == conversion
