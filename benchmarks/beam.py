"""Beam search against greedy: words, hot words and speed, with the demo's model.

    python benchmarks/beam.py [--sentences 100] [--seed 5]

Sentences that the model was not trained on are spoken by flite's voices that it knows: `plain` ones
in its own vocabulary, `names` with words that it never heard (``RESERVED`` in
``demo/recipe/sentences.py``), which are the hot words, and `run on`: the plain ones as one
recording without pauses, which is cut for the search where it may not be. The language model is a
trigram of the model's training sentences, made here. Skips where flite or KenLM's package is
missing. Where the package ctc-beam-decoder is installed (pyctcdecode's search in C++) it decodes
the same scores.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from zoneinfo import available_timezones

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from demo.recipe.sentences import RESERVED, vocabulary  # noqa: E402
from demo.recipe.synthesise import speak, varied  # noqa: E402
from demo.recipe.texts import texts  # noqa: E402
from training.scoring.align import count_errors  # noqa: E402
from training.scoring.counts import sum_counts  # noqa: E402
from transform_handler.decoding.beam import BeamSearch  # noqa: E402
from transform_handler.decoding.beam_decoder import BeamDecoder  # noqa: E402
from transform_handler.decoding.decoder import GreedyDecoder, WordDecoder  # noqa: E402
from transform_handler.decoding.greedy import Alphabet  # noqa: E402
from transform_handler.decoding.hot_words import HotWords, spelled  # noqa: E402
from transform_handler.decoding.language_model import LanguageModel  # noqa: E402
from transform_handler.decoding.symbols import Symbols  # noqa: E402
from transform_handler.decoding.text_scores import TextScores  # noqa: E402
from transform_handler.engine.frames import FrameScores  # noqa: E402

VOICES = ("slt", "rms", "kal16")
SECONDS_PER_FRAME = 0.02
ORDER = 3

Decode = Callable[[FrameScores], str]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Sentences and what the model says of their sound."""

    sentences: tuple[str, ...]
    frames: tuple[FrameScores, ...]

    @property
    def seconds(self) -> float:
        return sum(len(one.ids) for one in self.frames) * SECONDS_PER_FRAME


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    missing = [name for name in ("flite",) if not shutil.which(name)]
    missing += [name for name in ("kenlm",) if importlib.util.find_spec(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (flite; pip install nightscribe[lm])")
        return
    said = texts()
    alphabet, score = loaded()
    rng = Random(options.seed)
    sets = {
        "plain": spoken(said.heldout[: options.sentences], score, rng),
        "names": spoken(said.open_vocabulary[: options.sentences], score, rng),
    }
    sets["run on"] = joined(sets["plain"], alphabet)
    for name, one in sets.items():
        print(f"{name}: {len(one.sentences)} sentences, {one.seconds:.0f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.arpa"
        path.write_text(arpa(said.pretrain), "utf-8")
        print(f"language model: {ORDER}-gram of {len(said.pretrain)} sentences")
        rates = " | ".join(f"WER {name}" for name in sets)
        print(f"| decoder | {rates} | hot words found | false | RTFx |")
        print("|---|---|---|---|---|---|---|")
        for label, decode in decoders(alphabet, path):
            print(f"| {label} | {measured(decode, sets, hot_words())} |", flush=True)


def hot_words() -> list[str]:
    """The words that the model never heard."""
    entries = (entry for entries in RESERVED.values() for entry in entries)
    return sorted({word for entry in entries for word in entry.split()})


def others(count: int) -> list[str]:
    """Words that nobody says: cities, each with a time zone of its own."""
    cities = {name.rpartition("/")[2].lower() for name in available_timezones()}
    unsaid = {city for city in cities if city.isascii() and city.isalpha() and len(city) > 4}
    return sorted(unsaid - vocabulary() - set(hot_words()))[:count]


def loaded() -> tuple[Alphabet, Callable[[npt.NDArray[np.float32]], FrameScores]]:
    """The demo's model: its alphabet, and sound into scores with their distribution."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    folder = ROOT / "models/demo"
    model = transformers.AutoModelForCTC.from_pretrained(folder).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    tokenizer = processor.tokenizer
    alphabet = Alphabet.from_vocabulary(
        tokenizer.get_vocab(),
        blank=model.config.pad_token_id,
        delimiter=tokenizer.word_delimiter_token,
        specials=frozenset(tokenizer.all_special_tokens),
    )

    def score(sound: npt.NDArray[np.float32]) -> FrameScores:
        inputs = processor(sound, sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            rows = torch.log_softmax(model(**inputs).logits[0].float(), dim=-1).numpy()
        ids = rows.argmax(axis=1).astype(np.int32)
        return FrameScores(ids=ids, log_probabilities=rows.max(axis=1), distribution=rows)

    return alphabet, score


def spoken(
    sentences: Sequence[str], score: Callable[[npt.NDArray[np.float32]], FrameScores], rng: Random
) -> Spoken:
    """Sentences in turn by each voice, with half a second of silence at both ends."""
    frames = [
        score(np.pad(speak(text, varied(VOICES[number % len(VOICES)], rng)), 8_000))
        for number, text in enumerate(sentences)
    ]
    return Spoken(sentences=tuple(sentences), frames=tuple(frames))


def joined(one: Spoken, alphabet: Alphabet) -> Spoken:
    """One recording of sentences with a tenth of a second between: the silence is cut off."""
    border = np.full((5, len(alphabet.tokens)), -20.0, dtype=np.float32)
    border[:, alphabet.blank] = border[2, alphabet.delimiter] = 0.0
    border[2, alphabet.blank] = -20.0
    rows = []
    for frames in one.frames:
        spoken_at = np.flatnonzero(frames.ids > max(alphabet.blank, alphabet.delimiter or 0))
        rows += [frames.distribution[spoken_at[0] : spoken_at[-1] + 1], border]
    whole = np.concatenate(rows)
    frames = FrameScores(
        ids=whole.argmax(axis=1).astype(np.int32),
        log_probabilities=whole.max(axis=1),
        distribution=whole,
    )
    return Spoken(sentences=(" ".join(one.sentences),), frames=(frames,))


def decoders(alphabet: Alphabet, arpa_path: Path) -> Iterator[tuple[str, Decode]]:
    """What is compared, by label."""
    symbols = Symbols.of(alphabet)
    hot = spelled(hot_words(), symbols)

    def beam(
        width: int,
        *,
        lm: float = 0.0,
        bonus: float = 0.0,
        boost: float = 0.0,
        hot: tuple[str, ...] = hot,
    ) -> Decode:
        expected = frozenset(hot) if boost else frozenset()
        scores = TextScores(
            language_model=LanguageModel.read(arpa_path, weight=lm, expected=expected)
            if lm
            else None,
            hot_words=HotWords(hot, boost=boost) if boost else None,
            word_bonus=bonus,
        )
        search = BeamSearch(symbols=symbols, scores=scores, width=width)
        return text_by(
            BeamDecoder(alphabet=alphabet, seconds_per_frame=SECONDS_PER_FRAME, search=search)
        )

    yield (
        "greedy",
        text_by(GreedyDecoder(alphabet=alphabet, seconds_per_frame=SECONDS_PER_FRAME)),
    )
    for width in (16, 64):
        yield f"beam {width}", beam(width)
    for width in (16, 64):
        yield f"beam {width}, LM 0.5", beam(width, lm=0.5, bonus=2.0)
    for boost in (1.0, 1.5, 2.0, 2.5, 3.0):
        yield f"beam 16, hot words {boost}", beam(16, boost=boost)
    for boost in (1.0, 2.0, 3.0):
        many = (*hot, *spelled(others(200), symbols))
        yield f"beam 16, hot words {boost}, 200 more", beam(16, boost=boost, hot=many)
    yield "beam 64, hot words 2.0", beam(64, boost=2.0)
    for width in (16, 64):
        yield (
            f"beam {width}, LM 0.5, hot words 2.0",
            beam(width, lm=0.5, bonus=2.0, boost=2.0),
        )
    if importlib.util.find_spec("ctc_beam_decoder"):
        yield from peers(alphabet)


def text_by(decoder: WordDecoder) -> Decode:
    return lambda frames: " ".join(word.text for word in decoder.words(frames, first_frame=0))


def peers(alphabet: Alphabet) -> Iterator[tuple[str, Decode]]:
    """ctc-beam-decoder, whose boost is for a word, whatever its length."""
    from ctc_beam_decoder import build_ctcdecoder  # noqa: PLC0415

    labels = ["" if i == alphabet.blank else text for i, text in enumerate(alphabet.tokens)]
    decoder = build_ctcdecoder(labels)
    for width in (16, 64):
        yield (
            f"ctc-beam-decoder {width}",
            lambda frames, width=width: decoder.decode(frames.distribution, beam_width=width),
        )
    for weight in (10.0, 15.0, 20.0):
        yield (
            f"ctc-beam-decoder 16, hot words {weight}",
            lambda frames, weight=weight: decoder.decode(
                frames.distribution,
                beam_width=16,
                hotwords=hot_words(),
                hotword_weight=weight,
                beam_prune_logp=-16,
                token_min_logp=-10,
            ),
        )


def measured(decode: Decode, sets: dict[str, Spoken], hot: Sequence[str]) -> str:
    """WER of each set, hot words found and invented, and speed, as cells of a table."""
    rates, found, expected, wrong, spent = [], 0, 0, 0, 0.0
    for one in sets.values():
        began = time.perf_counter()
        written = [decode(frames) for frames in one.frames]
        spent += time.perf_counter() - began
        pairs = [(a.split(), b.split()) for a, b in zip(one.sentences, written, strict=True)]
        rates.append(100 * (sum_counts(count_errors(*pair) for pair in pairs).rate or 0.0))
        for reference, hypothesis in pairs:
            for word in {*hot, *others(200)}:
                both = min(reference.count(word), hypothesis.count(word))
                found, expected = found + both, expected + reference.count(word)
                wrong += hypothesis.count(word) - both
    speed = sum(one.seconds for one in sets.values()) / spent
    cells = [*(f"{rate:.1f} %" for rate in rates), f"{found} of {expected}", str(wrong)]
    return " | ".join([*cells, f"{speed:.0f}"])


def arpa(sentences: Iterable[str]) -> str:
    """An n-gram model in ARPA format, smoothed by Witten and Bell (1991), interpolated."""
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(ORDER)]
    for sentence in sentences:
        words = ["<s>", *sentence.split(), "</s>"]
        for order in range(1, ORDER + 1):
            for start in range(len(words) - order + 1):
                counts[order - 1][tuple(words[start : start + order])] += 1
    del counts[0]["<s>",]
    followers = [_followers(one) for one in counts]
    unseen = 1 / (len(counts[0]) + 1)
    total, kinds = followers[0][()]
    probabilities = {("<unk>",): kinds * unseen / (total + kinds)}
    for order, one in enumerate(counts):
        for gram, count in one.items():
            total, kinds = followers[order][gram[:-1]]
            lower = probabilities[gram[1:]] if order else unseen
            probabilities[gram] = (count + kinds * lower) / (total + kinds)
    lines = ["\\data\\"]
    rows = [sorted(one) for one in counts]
    rows[0] = sorted([*rows[0], ("<unk>",), ("<s>",)])
    lines += [f"ngram {order}={len(one)}" for order, one in enumerate(rows, start=1)]
    for order, one in enumerate(rows, start=1):
        lines += ["", f"\\{order}-grams:"]
        for gram in one:
            cells = [f"{math.log10(probabilities.get(gram, 1e-99)):.6f}", " ".join(gram)]
            if order < ORDER:
                total, kinds = followers[order].get(gram, (0, 0))
                cells.append(f"{math.log10(kinds / (total + kinds)):.6f}" if kinds else "0")
            lines.append("\t".join(cells))
    return "\n".join([*lines, "", "\\end\\", ""])


def _followers(counts: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[int, int]]:
    """How often each beginning is followed by anything, and by how many different words."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for gram, count in counts.items():
        total, kinds = found.get(gram[:-1], (0, 0))
        found[gram[:-1]] = total + count, kinds + 1
    return found


if __name__ == "__main__":
    main()
