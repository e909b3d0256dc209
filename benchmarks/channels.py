"""Several channels: what the mix and the marks of crosstalk are worth in words, and their cost.

Everything is the same sound twice, in one run: mixed by the plain mean and by the handler; with all
that the channels hear of each other and without the stretches that are marked as crosstalk.
``models/demo`` transcribes sound of the demo; where ``../shared`` is, Whisper (tiny.en) a meeting
of two channels, turn by turn. Parts: ``mixing``, ``turns``, ``overlaps``, ``meeting``, ``cost``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from training.scoring.align import count_errors
from training.scoring.counts import ErrorCounts, sum_counts
from training.scoring.normalize import normalizer_for
from transform_handler.audio import reading
from transform_handler.audio.crosstalk import crosstalk
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.mixing import Mixer
from transform_handler.audio.reading import read_audio
from transform_handler.audio.sound import BLOCK_SAMPLES, SoundInfo
from transform_handler.bundle import bundle_card, bundle_files
from transform_handler.handler import Handler, SoundBody, model_fn, predict_fn
from transform_handler.identity import DecodeSettings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
MIXED = ("2026-11-20/weekly all hands.opus", "2026-11-20/budget review.flac")
SPLIT = (
    "2026-11-19/customer interview.ogg",
    "2026-11-19/design review.opus",
    "2026-11-20/weekly all hands.opus",
)
# Of each recording so much: a run of each part takes minutes on two cores.
LONGEST_SECONDS = 45
WINDOW = 20 * SAMPLE_RATE
# A word this near to one of the channel's own is not counted as another's.
NEAR_SECONDS = 0.25
NOISE_DBFS = -60.0
Sound = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word with its times in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """A voice, or several, on each of two channels, and what they say."""

    sound: Sound
    words: tuple[tuple[Word, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Bleed:
    """How a channel hears its neighbour: level, delay, a room's tail of so many seconds."""

    name: str
    level_db: float
    delay: float
    room: float = 0.0

    def of(self, sound: Sound) -> Sound:
        """Both channels with the other's sound and noise of their own."""
        random = np.random.default_rng(1)
        heard = np.stack([self._through(sound[:, 1 - c], random) for c in range(2)], axis=1)
        noise = random.standard_normal(sound.shape) * 10 ** (NOISE_DBFS / 20)
        return (sound + heard * 10 ** (self.level_db / 20) + noise).astype(np.float32)

    def _through(self, voice: Sound, random: np.random.Generator) -> Sound:
        low_pass = np.sinc(np.arange(-15, 16) * 0.45) * np.hamming(31)
        path = np.zeros(round((self.delay + self.room) * SAMPLE_RATE) + len(low_pass))
        start = round(self.delay * SAMPLE_RATE)
        path[start : start + len(low_pass)] = low_pass / np.linalg.norm(low_pass)
        if self.room:  # as loud as the direct sound, down by 60 dB at its end
            size = round(self.room * SAMPLE_RATE)
            tail = random.standard_normal(size) * 10 ** (-3 * np.arange(size) / size)
            path[start + len(low_pass) :] += tail / np.linalg.norm(tail)
        length = len(voice) + len(path)
        heard = np.fft.irfft(np.fft.rfft(voice, length) * np.fft.rfft(path, length), length)
        heard = heard[: len(voice)]
        return np.asarray(heard * np.linalg.norm(voice) / np.linalg.norm(heard))


BLEEDS = (
    Bleed(name="none", level_db=-120, delay=0.0),
    Bleed(name="-10 dB, 4 ms", level_db=-10, delay=0.004),
    Bleed(name="-15 dB, 9 ms", level_db=-15, delay=0.009),
    Bleed(name="-20 dB, 25 ms", level_db=-20, delay=0.025),
    Bleed(name="-15 dB, room 0.4 s", level_db=-15, delay=0.004, room=0.4),
)


def main() -> None:
    parts = sys.argv[1:] or ["mixing", "turns", "overlaps", "meeting", "cost"]
    if "mixing" in parts:
        mixing(demo_handler())
    for part, seconds in (("turns", 0.0), ("overlaps", 5.0)):
        if part in parts:
            doubled_words(demo_handler(), seconds)
    if "meeting" in parts:
        meeting()
    if "cost" in parts:
        cost()


def demo_handler() -> Handler:
    """The demo's model as a job unpacks it."""
    folder = Path(tempfile.mkdtemp(prefix="nightscribe-benchmark-"))
    card = bundle_card(ROOT / "models/demo", name="demo", decode=DecodeSettings())
    for name, content in bundle_files(ROOT / "models/demo", card).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return model_fn(str(folder))


def transcribed(handler: Handler, sound: Sound) -> list[Word]:
    """The words of a recording's mix."""
    file = io.BytesIO()
    soundfile.write(file, sound, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    (record,) = predict_fn(SoundBody(data=file.getvalue()), handler)
    assert record.error is None, record.error
    return [Word(text=one.text, start=one.start, end=one.end) for one in record.words]


def text_of(words: tuple[Word, ...] | list[Word]) -> str:
    return " ".join(word.text for word in words)


def errors(reference: str, hypothesis: str) -> ErrorCounts:
    rule = normalizer_for("en")
    return count_errors(rule(reference), rule(hypothesis))


def demo_words() -> dict[str, list[dict[str, object]]]:
    lines = (ROOT / "demo/words.jsonl").read_text().splitlines()
    return {line["recording"]: line["words"] for line in map(json.loads, lines)}


# Mixing


def mixing(handler: Handler) -> None:
    """WER of the plain mean and of the handler's mix, of recordings that go wrong in some way."""
    voices = [spoken(name) for name in MIXED]
    print(f"{'mixing':34} {'plain mean':>10} {'mix':>7}  seconds by mean, polarity, left out")
    for case in cases(voices[0][0]):
        means, mixes, seconds = [], [], np.zeros(3)
        for voice, reference in voices:
            channels = cases(voice)[case]
            mean = channels @ np.full((channels.shape[1], 1), 1 / channels.shape[1], np.float32)
            means.append(errors(reference, text_of(transcribed(handler, mean))))
            seconds += (found := mix_seconds(channels))
            same = not found[1:].any()
            mixes.append(
                means[-1] if same else errors(reference, text_of(transcribed(handler, channels)))
            )
        rates = [100 * (sum_counts(counts).rate or 0.0) for counts in (means, mixes)]
        print(f"{case:34} {rates[0]:9.1f}% {rates[1]:6.1f}%  {np.round(seconds)}", flush=True)


def spoken(name: str) -> tuple[Sound, str]:
    """The beginning of a recording of the demo and its words."""
    known = [word for word in demo_words()[name] if float(str(word["end"])) < LONGEST_SECONDS - 1]
    duration = float(str(known[-1]["end"])) + 0.5
    sound = read_audio(ROOT / "demo/archive" / name, duration=duration)
    return sound, " ".join(str(word["text"]) for word in known)


def mix_seconds(channels: Sound) -> Sound:
    mixer = Mixer(SoundInfo(sample_rate=SAMPLE_RATE, channels=channels.shape[1], frames=None))
    size = BLOCK_SAMPLES // channels.shape[1]
    blocks = (channels[start : start + size] for start in range(0, len(channels), size))
    for _ in mixer.mix(blocks):
        pass
    found = mixer.seconds
    return np.array([found.mean, found.polarity, found.left_out])


def cases(voice: Sound) -> dict[str, Sound]:
    """A voice on several channels, in ways that are right and in ways that are wrong."""
    random = np.random.default_rng(2)

    def noise(dbfs: float) -> Sound:
        return random.standard_normal(len(voice)) * 10 ** (dbfs / 20)

    def stereo(left: Sound, right: Sound) -> Sound:
        return np.stack([left + noise(-65), right + noise(-65)], axis=1).astype(np.float32)

    hum = 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(voice)) / SAMPLE_RATE)
    hum += 0.05 * np.sin(2 * np.pi * 150 * np.arange(len(voice)) / SAMPLE_RATE)
    many = np.stack([noise(-70) for _ in range(32)], axis=1)
    many[:, 7] += voice * 0.05
    return {
        "ordinary: both channels": stereo(voice, voice),
        "ordinary: second microphone, 3 ms": stereo(voice, np.roll(voice, 48) * 0.7),
        "ordinary: second party is quiet": stereo(voice, 0 * voice),
        "opposite phase": stereo(voice, -voice),
        "opposite phase, 2 dB fainter": stereo(voice, -0.8 * voice),
        "opposite phase in the second half": stereo(
            voice, voice * np.where(np.arange(len(voice)) < len(voice) // 2, 1, -1)
        ),
        "second channel: hiss, -30 dBFS": stereo(voice, noise(-30)),
        "second channel: hiss, -20 dBFS": stereo(voice, noise(-20)),
        "second channel: hum, -20 dBFS": stereo(voice, hum + noise(-60)),
        "second channel: voice and hiss": stereo(voice, voice + noise(-20)),
        "one of 32 channels, faint": many.astype(np.float32),
    }


# Crosstalk


def doubled_words(handler: Handler, overlap: float) -> None:
    """Words of each channel with its neighbour's leakage, and without what is marked."""
    print(f"\ncrosstalk, speakers {'at once' if overlap else 'in turns'}")
    print(
        f"{'leakage':20} {'marked':>7} {'of leakage':>10} {'of own':>7} | {'':8}"
        f" {'words':>5} {'S':>4} {'lost D':>6} {'I':>4} {'doubled':>7} {'WER':>6}"
    )
    tracks = [shifted(tracks_of(name), overlap) for name in SPLIT]
    for bleed in BLEEDS:
        sounds = [bleed.of(one.sound) for one in tracks]
        marks = [marked(sound) for sound in sounds]
        print(
            f"{bleed.name:20} {shares(tracks, marks)} | as it is {scored(handler, tracks, sounds)}"
        )
        if any(mark.any() for mark in marks):
            cut = [np.where(mark, 0, one) for mark, one in zip(marks, sounds, strict=True)]
            print(f"{'':46} | without  {scored(handler, tracks, cut)}", flush=True)


def tracks_of(name: str) -> Tracks:
    """A recording of the demo with every other speaker on a channel of its own."""
    mono, _ = spoken(name)
    words: list[list[Word]] = [[], []]
    sound = np.zeros((len(mono), 2), dtype=np.float32)
    known = [
        word for word in demo_words()[name] if float(str(word["end"])) < len(mono) / SAMPLE_RATE
    ]
    mine = [int(str(word["speaker"]).rpartition("-")[2]) % 2 for word in known]
    for place, (word, channel) in enumerate(zip(known, mine, strict=True)):
        start, end = float(str(word["start"])), float(str(word["end"]))
        words[channel].append(Word(text=str(word["text"]), start=start, end=end))
        after = float(str(known[place + 1]["start"])) if place + 1 < len(known) else end + 1
        before = float(str(known[place - 1]["end"])) if place else 0.0
        piece = slice(
            round((start - min(0.2, max(0.0, (start - before) / 2))) * SAMPLE_RATE),
            round((end + min(0.2, max(0.0, (after - end) / 2))) * SAMPLE_RATE),
        )
        sound[piece, channel] = mono[piece]
    return Tracks(sound=sound, words=(tuple(words[0]), tuple(words[1])))


def shifted(tracks: Tracks, seconds: float) -> Tracks:
    """The second channel earlier, so that both speak at once; both end where it does."""
    if not seconds:
        return tracks
    moved = round(seconds * SAMPLE_RATE)
    sound = np.stack([tracks.sound[:-moved, 0], tracks.sound[moved:, 1]], axis=1)
    end = len(sound) / SAMPLE_RATE
    first = tuple(word for word in tracks.words[0] if word.end < end)
    second = tuple(
        Word(text=word.text, start=word.start - seconds, end=word.end - seconds)
        for word in tracks.words[1]
        if word.start >= seconds
    )
    sound[round(max((w.end for w in first), default=0) * SAMPLE_RATE + 1600) :, 0] = 0
    sound[: round(min((w.start for w in second), default=0) * SAMPLE_RATE - 1600), 1] = 0
    return Tracks(sound=np.ascontiguousarray(sound), words=(first, second))


def marked(sound: Sound) -> Sound:
    """Which samples are marked as crosstalk, shape (n_samples, n_channels)."""
    marks = np.zeros(sound.shape, dtype=bool)
    for start in range(0, len(sound), WINDOW):
        found = crosstalk(sound[start : start + WINDOW], start=start)
        for channel, stretches in enumerate(found):
            for begin, end in stretches:
                marks[start + begin : start + end, channel] = True
    return marks


def shares(tracks: list[Tracks], marks: list[Sound]) -> str:
    """Seconds marked; shares of the others' words and of the channels' own that are."""
    seconds, leak, own, marked_leak, marked_own = 0.0, 0, 0, 0, 0
    for one, mark in zip(tracks, marks, strict=True):
        seconds += mark.sum() / SAMPLE_RATE
        speaks = np.zeros(mark.shape, dtype=bool)
        for channel, words in enumerate(one.words):
            for word in words:
                speaks[round(word.start * SAMPLE_RATE) : round(word.end * SAMPLE_RATE), channel] = 1
        only_leak = speaks[:, ::-1] & ~speaks
        leak, own = leak + only_leak.sum(), own + speaks.sum()
        marked_leak += (mark & only_leak).sum()
        marked_own += (mark & speaks).sum()
    return f"{seconds:6.0f}s {100 * marked_leak / leak:9.1f}% {100 * marked_own / own:6.2f}%"


def scored(handler: Handler, tracks: list[Tracks], sounds: list[Sound]) -> str:
    counts, doubled = [], 0
    for one, sound in zip(tracks, sounds, strict=True):
        for channel, words in enumerate(one.words):
            heard = transcribed(handler, sound[:, channel : channel + 1])
            counts.append(errors(text_of(words), text_of(heard)))
            doubled += sum(not near(word, words) for word in heard)
    total = sum_counts(counts)
    return (
        f"{total.reference_words:5} {total.substitutions:4} {total.deletions:6} "
        f"{total.insertions:4} {doubled:7} {100 * (total.rate or 0):5.1f}%"
    )


def near(word: Word, own: tuple[Word, ...]) -> bool:
    """Whether a word that was heard lies where the channel's own speaker speaks."""
    middle = (word.start + word.end) / 2
    return any(w.start - NEAR_SECONDS <= middle <= w.end + NEAR_SECONDS for w in own)


# A meeting of two channels, by Whisper


def meeting() -> None:
    """Words that Whisper writes in each turn, for the speaker's channel and for the other's."""
    folder, model = SHARED / "data/two-channel-meeting", SHARED / "models/whisper-tiny.en"
    if not folder.exists() or not model.exists():
        print(f"\nmeeting: skipped, {folder} or {model} is not there")
        return
    write = whisper(model)
    sound, _ = soundfile.read(folder / "meeting.flac", dtype="float32")
    turns = list(turns_of(folder / "ref.stm"))
    print(f"\nmeeting as it is: {marked(sound).sum() / SAMPLE_RATE:.0f} s marked")
    print(f"{'leakage':20} {'marked':>7} | {'':8} {'WER of speakers':>15} {'words of others':>15}")
    for bleed in (BLEEDS[1], BLEEDS[4]):
        heard = bleed.of(sound)
        mark = marked(heard)
        for name, one in (("as it is", heard), ("without", np.where(mark, 0, heard))):
            own, other = [], 0
            for channel, start, end, text in turns:
                turn = one[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
                own.append(errors(text, write(turn[:, channel])))
                other += len(write(turn[:, 1 - channel]).split())
            label = f"{bleed.name:20} {mark.sum() / SAMPLE_RATE:6.0f}s | {name:8}"
            rate = 100 * (sum_counts(own).rate or 0.0)
            print(f"{label} {rate:14.1f}% {other:15}", flush=True)


def turns_of(path: Path) -> Iterator[tuple[int, float, float, str]]:
    for line in path.read_text().splitlines():
        _, channel, _, start, end, text = line.split(" ", 5)
        yield int(channel) - 1, float(start), float(end), text


def whisper(folder: Path):  # type: ignore[no-untyped-def]
    """A function from sound to text; sound that has hardly half a second of anything has none."""
    import torch  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        AutoProcessor,
        WhisperForConditionalGeneration,
    )

    processor = AutoProcessor.from_pretrained(folder)
    model = WhisperForConditionalGeneration.from_pretrained(folder).eval()

    def write(sound: Sound) -> str:
        frames = sound[: len(sound) // 400 * 400].reshape(-1, 400)
        if (np.sqrt((frames**2).mean(axis=1)) > 10 ** (-50 / 20)).sum() < 20:
            return ""
        features = processor(sound, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        with torch.inference_mode():
            ids = model.generate(features.input_features, max_new_tokens=120, num_beams=1)
        text: str = processor.batch_decode(ids, skip_special_tokens=True)[0]
        return text

    return write


# Cost


class PlainMean:
    """What the mix was before it was judged."""

    seconds = None

    def __init__(self, info: SoundInfo, **_: object) -> None:
        self._weights = np.full((info.channels, 1), 1 / info.channels, dtype=np.float32)

    def mix(self, blocks: Iterator[Sound]) -> Iterator[Sound]:
        for block in blocks:
            yield block @ self._weights


def cost() -> None:
    """Decoding, mixing and resampling: seconds of audio a second, plain mean against the mix."""
    two = soundfile.read(ROOT / "demo/archive" / SPLIT[0], dtype="float32")[0]
    print(f"\n{'cost of the mix':24} {'plain mean':>10} {'mix':>9} {'time':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for rate, ending, channels in (
            (16_000, "flac", 2), (44_100, "flac", 2), (44_100, "mp3", 2),
            (16_000, "wav", 2), (44_100, "wav", 2), (48_000, "flac", 8), (48_000, "wav", 32),
        ):  # fmt: skip
            one = soxr.resample(two, SAMPLE_RATE, rate)
            sound = np.tile(one, (1, channels // 2))
            path = Path(folder) / f"x.{ending}"
            soundfile.write(path, sound, rate)
            taken: dict[type, list[float]] = {PlainMean: [], Mixer: []}
            for _ in range(7):
                for mixer, times in taken.items():
                    reading.Mixer = mixer  # type: ignore[misc, assignment]
                    begin = time.process_time()
                    read_audio(path)
                    times.append(time.process_time() - begin)
            reading.Mixer = Mixer  # type: ignore[misc]
            plain, judged = (min(times) for times in taken.values())
            seconds = len(sound) / rate
            name = f"{channels} channels, {rate / 1000:g} kHz {ending}"
            speeds = f"{seconds / plain:9.0f}x {seconds / judged:8.0f}x"
            print(f"{name:24} {speeds} {judged / plain:6.2f}")
    for channels in (2, 4, 8):
        sound = np.tile(two, (1, channels // 2)) * np.linspace(1, 0.3, channels, dtype=np.float32)
        begin = time.process_time()
        marked(sound)
        speed = len(sound) / SAMPLE_RATE / (time.process_time() - begin)
        print(f"crosstalk of {channels} channels: {speed:.0f} s of audio a second")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
