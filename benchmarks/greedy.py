"""Greedy decoding against the tokenizer's own: RTFx, in turn, on the shipped model's output.

Both get the argmax of each frame of the demo's archive, about 14 minutes: transformers'
``batch_decode`` with word offsets, without, and ``decode_words``, which also gives confidence.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.speech import MODEL, demo_speech  # noqa: E402
from transform_handler.decoding.greedy import decode_words  # noqa: E402
from transform_handler.engine.ctc_engine import joined  # noqa: E402
from transform_handler.engine.loading import load_network  # noqa: E402

WINDOW = 18 * 16_000
REPEATS = 9


def main() -> None:
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(MODEL, local_files_only=True)
    loaded = load_network(MODEL, device="cpu")
    sound = demo_speech()
    pieces = [sound[start : start + WINDOW] for start in range(0, len(sound) - 16_000, WINDOW)]
    frames = joined([loaded.network([piece], language=None)[0] for piece in pieces])
    seconds = len(sound) / 16_000
    hop = loaded.layout.hop / 16_000

    ways = {
        "batch_decode, word offsets": lambda: tokenizer.batch_decode(
            frames.ids[None], output_word_offsets=True
        ),
        "batch_decode, text": lambda: tokenizer.batch_decode(frames.ids[None]),
        "decode_words": lambda: decode_words(
            frames.ids, frames.log_probabilities, loaded.alphabet, seconds_per_frame=hop
        ),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            spent[name].append(time.perf_counter() - started)
    print(f"{seconds:.0f} s of sound, {len(frames.ids)} frames; medians of {REPEATS}")
    first = median(spent["batch_decode, word offsets"])
    for name, times in spent.items():
        print(f"{name:28} {seconds / median(times):10,.0f} RTFx {first / median(times):6.1f} x")


if __name__ == "__main__":
    main()
