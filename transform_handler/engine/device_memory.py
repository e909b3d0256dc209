"""How much sound a device takes at once, and what it says when it was too much."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.frames import BatchLimits

# More in one pass does not fill the device any better; what is left is for others.
LONGEST_PASS_SECONDS = 320.0
SHORTEST_PASS_SECONDS = 30.0
# Passes that follow each other without waiting: while one is computed the next is made ready.
PASSES = 4
_SHARE_OF_FREE_MEMORY = 0.5
# Whose attention keeps a score for each pair of frames, because it adds something to them.
_WITH_SCORES = frozenset({"wavlm", "wav2vec2-bert", "wav2vec2-conformer"})
_WINDOW_SECONDS = 20.0
_SAID = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def bytes_for_second(config: Any, *, itemsize: int, hop: int) -> float:
    """What a network holds at its peak for a second of sound, by its configuration.

    In the front end: the first layer's frames before and after activation, and a half for what the
    next reads. In a layer of the encoder: twelve of the hidden size and two of the intermediate
    size, and three score tables where attention keeps them. One is freed before the other begins.
    """
    widths, strides = getattr(config, "conv_dim", (0,)), getattr(config, "conv_stride", (1,))
    front = SAMPLE_RATE / strides[0] * widths[0] * itemsize * 2.5
    frames = SAMPLE_RATE / hop
    held = 12 * config.hidden_size + 2 * getattr(config, "intermediate_size", 0)
    if config.model_type in _WITH_SCORES:
        held += 3 * config.num_attention_heads * frames * _WINDOW_SECONDS
    return float(max(front, frames * held * itemsize))


def limits_for(
    config: Any, *, free_bytes: int, itemsize: int, hop: int
) -> tuple[float, BatchLimits]:
    """Seconds with padding in one pass, and what the network is best given at once."""
    fitting = (
        _SHARE_OF_FREE_MEMORY * free_bytes / bytes_for_second(config, itemsize=itemsize, hop=hop)
    )
    seconds = max(SHORTEST_PASS_SECONDS, min(LONGEST_PASS_SECONDS, fitting))
    total = PASSES * seconds
    return seconds, BatchLimits(windows=round(total), seconds=total)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError for what torch says on any device when memory ran out."""
    import torch  # noqa: PLC0415

    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not any(words in str(error) for words in _SAID):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise MemoryError(str(error).splitlines()[0]) from error
