import pytest
import torch

from training.models.ctc_loss import smoothed


def test_a_uniform_output_costs_nothing_and_a_certain_one_the_logarithm_of_the_symbols():
    lengths = torch.tensor([3])
    none = smoothed(torch.tensor(2.0), torch.zeros(1, 3, 4), lengths, 0.1)
    assert float(none) == pytest.approx(0.9 * 2.0)
    certain = torch.zeros(1, 3, 4)
    certain[..., 1] = 1_000.0
    some = smoothed(torch.tensor(2.0), certain, lengths, 0.1)
    assert float(some) == pytest.approx(0.9 * 2.0 + 0.1 * 1.386294, rel=1e-5)


def test_frames_of_padding_weigh_nothing():
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 4)
    lengths = torch.tensor([5, 2])
    whole = smoothed(torch.tensor(0.0), logits, lengths, 1.0)
    logits[1, 2:] = 99.0
    logits[1, 2:, 0] = -99.0
    assert float(smoothed(torch.tensor(0.0), logits, lengths, 1.0)) == pytest.approx(float(whole))
    alone = [
        smoothed(torch.tensor(0.0), logits[i : i + 1, :n], torch.tensor([n]), 1.0)
        for i, n in enumerate((5, 2))
    ]
    assert float(sum(alone) / 2) == pytest.approx(float(whole), rel=1e-5)


def test_gradients_flow_to_the_outputs():
    logits = torch.randn(1, 3, 4, requires_grad=True)
    smoothed(torch.tensor(0.0), logits, torch.tensor([2]), 0.5).backward()
    assert logits.grad[0, :2].abs().sum() > 0
    assert logits.grad[0, 2].abs().sum() == 0
