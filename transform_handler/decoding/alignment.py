"""When each symbol of a text was said: the best alignment of a sequence to frames (Viterbi)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transform_handler.decoding.symbols import BLANK

Scores = npt.NDArray[np.float64]


def align(
    log_probabilities: Scores, sequence: tuple[int, ...], *, delimiter: int | None
) -> npt.NDArray[np.intp]:
    """The likeliest path that writes ``sequence``: a symbol for each frame, shape (n_frames,).

    ``log_probabilities`` has shape (n_frames, n_symbols). States are the symbols and the gaps
    around them (Graves et al. 2006, section 4.1). Beside a delimiter, and at both ends, a gap may
    hold more delimiters: they write nothing there.

    Raises:
        ValueError: there are fewer frames than the sequence needs.
    """
    fillers = _fillers(log_probabilities, delimiter)
    states = _states(sequence, delimiter)
    emitted = log_probabilities[:, np.maximum(states, BLANK)]
    emitted[:, states == _FILLER] = np.take_along_axis(log_probabilities, fillers[:, None], axis=1)
    path = states[_best_states(emitted, _may_skip(states))]
    return np.where(path == _FILLER, fillers, path)


# A gap that may hold delimiters, among states that are symbols.
_FILLER = -1


def _fillers(log_probabilities: Scores, delimiter: int | None) -> npt.NDArray[np.intp]:
    """What fills each frame of a gap beside a delimiter, shape (n_frames,)."""
    blank = np.full(len(log_probabilities), BLANK, dtype=np.intp)
    if delimiter is None:
        return blank
    likelier = log_probabilities[:, delimiter] > log_probabilities[:, BLANK]
    return np.where(likelier, delimiter, blank)


def _states(sequence: tuple[int, ...], delimiter: int | None) -> npt.NDArray[np.intp]:
    """Gap, symbol, gap, …, symbol, gap; shape (2 * len(sequence) + 1,)."""
    states = np.full(2 * len(sequence) + 1, BLANK, dtype=np.intp)
    states[1::2] = sequence
    if delimiter is not None:
        parts = np.array([True, *(symbol == delimiter for symbol in sequence), True])
        states[::2] = np.where(parts[:-1] | parts[1:], _FILLER, BLANK)
    return states


def _may_skip(states: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether a state may follow the one two before it: symbols that differ."""
    skips = np.zeros(len(states), dtype=bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    return skips


def _best_states(emitted: Scores, skips: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The best way through the states from one of the first two to one of the last two."""
    n_frames, n_states = emitted.shape
    back = np.zeros((n_frames, n_states), dtype=np.int8)
    score = np.full(n_states, -np.inf)
    score[:2] = emitted[0, :2]
    ways = np.full((3, n_states), -np.inf)
    columns = np.arange(n_states)
    for frame in range(1, n_frames):
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = np.where(skips[2:], score[:-2], -np.inf)
        chosen = ways.argmax(axis=0)
        back[frame] = chosen
        score = ways[chosen, columns] + emitted[frame]
    state = n_states - 1
    if n_states > 1 and score[-2] > score[-1]:
        state -= 1
    if not np.isfinite(score[state]):
        raise ValueError(f"{n_frames} frames cannot hold {n_states // 2} symbols")
    path = np.zeros(n_frames, dtype=np.intp)
    for frame in range(n_frames - 1, -1, -1):
        path[frame] = state
        state -= int(back[frame, state])
    return path
