"""A window is scored as if it were alone, whatever else is in its batch."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_handler.small_networks import (
    DEVICE,
    EQUAL_ONLY,
    FAMILIES,
    alone,
    extractor,
    model,
)
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples
from transform_handler.engine.torch_network import Options, TorchNetwork

ROOMY = BatchLimits(windows=64, seconds=600.0)
lengths = st.lists(st.integers(1_600, 9_000), min_size=1, max_size=5)


def network(
    name: str, *, dtype: torch.dtype = torch.float64, products: bool = False
) -> TorchNetwork:
    options = Options(distribution=True, positions_as_products=products)
    return TorchNetwork(
        copy.deepcopy(model(name)),
        extractor(name),
        device=DEVICE,
        dtype=dtype,
        limits=ROOMY,
        options=options,
    )


def windows(sizes: list[int], *, seed: int = 0) -> list[Samples]:
    """Noise of very different levels, with an offset."""
    random = np.random.default_rng(seed)
    return [
        (random.standard_normal(size) * 10.0 ** random.uniform(-2, 0) + 0.01).astype(np.float32)
        for size in sizes
    ]


def difference(scores: FrameScores, expected: torch.Tensor) -> float:
    """The largest difference of log-probabilities, after making sure of the shapes."""
    assert scores.distribution is not None
    assert scores.distribution.shape == tuple(expected.shape)
    found = torch.from_numpy(scores.distribution).double()
    return float((found - torch.log_softmax(expected, dim=-1)).abs().max())


@pytest.mark.parametrize("name", FAMILIES)
@given(sizes=lengths, products=st.booleans())
@settings(max_examples=5, deadline=None)
def test_any_lengths_share_a_batch_in_float64(name: str, sizes: list[int], products: bool) -> None:
    batch = windows(sizes)
    answers = network(name, products=products)(batch, language=None)
    for samples, answer in zip(batch, answers, strict=True):
        assert difference(answer, alone(name, samples, dtype=torch.float64)) < 1e-9


@pytest.mark.parametrize("name", FAMILIES)
@given(sizes=lengths)
@settings(max_examples=3, deadline=None)
def test_any_lengths_share_a_batch_in_float32(name: str, sizes: list[int]) -> None:
    batch = windows(sizes)
    answers = network(name, dtype=torch.float32)(batch, language=None)
    for samples, answer in zip(batch, answers, strict=True):
        expected = alone(name, samples, dtype=torch.float32)
        assert difference(answer, expected) < 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("name", EQUAL_ONLY)
def test_an_architecture_that_is_not_known_gets_equal_lengths_only(name: str) -> None:
    made = network(name)
    seen: list[int] = []
    made._model.register_forward_pre_hook(
        lambda module, inputs, keywords: seen.append(len(keywords["input_values"])),
        with_kwargs=True,
    )
    batch = windows([4_000, 5_000, 4_000, 4_000])
    answers = made(batch, language=None)
    assert made.equal_lengths_only
    assert seen == [1, 3]
    for samples, answer in zip(batch, answers, strict=True):
        assert difference(answer, alone(name, samples, dtype=torch.float64)) < 1e-9


def test_neighbours_padding_matters_to_these_models_where_nothing_is_done_about_it() -> None:
    name = "wav2vec2 group"
    long, short = windows([9_000, 3_000])
    sound = torch.zeros(2, 9_000, dtype=torch.float64)
    for row, samples in zip(sound, (long, short), strict=True):
        values = torch.from_numpy(samples).double()
        row[: len(values)] = (values - values.mean()) / values.std(correction=0)
    with torch.inference_mode():
        padded = copy.deepcopy(model(name))(sound).logits[1]
    expected = alone(name, short, dtype=torch.float64)
    assert float((padded[: len(expected)] - expected).abs().max()) > 0.1


def test_a_pass_takes_no_more_seconds_than_fit_and_answers_come_in_the_order_given() -> None:
    made = network("wav2vec2 group")
    made._pass_seconds = 1.0
    batch = windows([3_000, 9_000, 4_000, 8_000, 8_000, 1_600])
    sizes = [[len(batch[place]) for place in places] for places in made._passes(batch)]
    assert sizes == [[9_000], [8_000, 8_000], [4_000, 3_000, 1_600]]
    answers = made(batch, language=None)
    for samples, answer in zip(batch, answers, strict=True):
        expected = alone("wav2vec2 group", samples, dtype=torch.float64)
        assert difference(answer, expected) < 1e-9


def test_on_a_cpu_each_window_is_a_pass_of_its_own() -> None:
    made = TorchNetwork(
        copy.deepcopy(model("MMS")), extractor("MMS"), device="cpu", dtype=torch.float64
    )
    batch = windows([2_000, 2_000, 3_000])
    assert made.limits.windows == 1
    assert [len(places) for places in made._passes(batch)] == [1, 1, 1]


def test_ids_and_their_scores_are_the_best_of_the_distribution() -> None:
    (answer,) = network("wav2vec2 group")(windows([6_000]), language=None)
    assert answer.distribution is not None
    assert answer.ids.dtype == np.int32
    assert answer.log_probabilities.dtype == np.float32
    np.testing.assert_array_equal(answer.ids, answer.distribution.argmax(-1))
    np.testing.assert_allclose(answer.log_probabilities, answer.distribution.max(-1), rtol=1e-6)


def test_a_distribution_is_made_for_those_who_ask_only() -> None:
    made = TorchNetwork(
        copy.deepcopy(model("wav2vec2 group")),
        extractor("wav2vec2 group"),
        device="cpu",
        dtype=torch.float64,
    )
    (answer,) = made(windows([6_000]), language=None)
    assert answer.distribution is None


def test_near_silence_is_not_raised_to_full_level() -> None:
    made = network("wav2vec2 group")
    rng = np.random.default_rng(0)
    faint = (rng.standard_normal(8_000) * 1e-4).astype(np.float32)
    heard = made._inputs([faint]).arguments["input_values"]
    assert float(heard.std()) < 0.2


def test_a_network_whose_answer_is_not_finite_says_so() -> None:
    broken = copy.deepcopy(model("wav2vec2 group"))
    broken.lm_head.bias.data[0] = float("nan")
    made = TorchNetwork(
        broken, extractor("wav2vec2 group"), device="cpu", dtype=torch.float64, limits=ROOMY
    )
    with pytest.raises(ArithmeticError, match="not finite"):
        made(windows([4_000, 3_000]), language=None)


def test_half_precision_hears_samples_to_more_than_its_own_digits() -> None:
    # A loud hum beside a quiet tone: rounded to eight bits the hum would bury the tone.
    time = np.arange(16_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 50 * time) + 3e-4 * np.sin(2 * np.pi * 3_000 * time)).astype(
        np.float32
    )
    name = "wav2vec2 group"
    fronts = {
        dtype: network(name, dtype=dtype)._inputs._front  # type: ignore[attr-defined]
        for dtype in (torch.float64, torch.bfloat16)
    }
    seen = {}
    for dtype, front in fronts.items():
        values = torch.from_numpy(sound)[None].to(
            DEVICE, torch.float64 if dtype == torch.float64 else torch.float32
        )
        front._lengths.set(
            samples=torch.tensor([16_000], device=DEVICE),
            frames=torch.tensor([1], device=DEVICE),
            longest=1,
            padded=False,
        )
        seen[dtype] = front.first(values).double().cpu()
    error = (seen[torch.bfloat16] - seen[torch.float64])[:, :-1].abs()
    assert float(error.max() / seen[torch.float64].abs().max()) < 2**-7


def test_after_memory_ran_out_passes_are_half_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    made = network("wav2vec2 group")

    def full(batch: list[Samples]) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(made, "_forward", full)
        with pytest.raises(MemoryError):
            made(windows([4_000]), language=None)
    assert made._pass_seconds == ROOMY.seconds / 2
    assert len(made(windows([4_000]), language=None)) == 1
