"""The logistic fit finds what made the outcomes, and the calibration error what is off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.scoring.calibration import (
    BINS,
    expected_calibration_error,
    fit_logistic,
    sigmoid,
)


def simulated(size: int, intercept: float, weights: list[float], *, seed: int = 0):
    random = np.random.default_rng(seed)
    features = random.normal([5.0, -2.0], [0.1, 3.0], size=(size, 2))
    probabilities = sigmoid(intercept + features @ np.array(weights))
    return features, random.random(size) < probabilities, probabilities


def test_coefficients_of_simulated_words_are_found_again() -> None:
    features, right, _ = simulated(200_000, -38.0, [8.0, 0.7])
    intercept, weights = fit_logistic(features, right)
    assert weights == pytest.approx([8.0, 0.7], rel=0.03)
    assert intercept == pytest.approx(-38.0, rel=0.03)


def test_the_mean_probability_is_that_of_the_outcomes() -> None:
    features, right, _ = simulated(500, -38.0, [8.0, 0.7])
    intercept, weights = fit_logistic(features, right, ridge=50.0)
    assert sigmoid(intercept + features @ weights).mean() == pytest.approx(right.mean(), abs=1e-6)


def test_a_fit_is_a_minimum() -> None:
    features, right, _ = simulated(300, -38.0, [8.0, 0.7])
    intercept, weights = fit_logistic(features, right)

    def loss(intercept, weights):
        logits = intercept + features @ weights
        data = (np.logaddexp(0, logits) - right * logits).sum()
        return data + 0.5 * ((weights * features.std(axis=0)) ** 2).sum()

    best = loss(intercept, weights)
    random = np.random.default_rng(1)
    for _ in range(50):
        away = random.normal(size=3) * 1e-2
        assert loss(intercept + away[0], weights + away[1:]) >= best - 1e-9


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1e-3, 1e3))
def test_outcomes_that_a_feature_separates_give_finite_coefficients(
    wrong: int, right: int, scale: float
) -> None:
    features = scale * np.concatenate((np.zeros(wrong) - 1, np.ones(right)))[:, None]
    intercept, weights = fit_logistic(features, features[:, 0] > 0)
    probabilities = sigmoid(intercept + features @ weights)
    assert np.isfinite([intercept, *weights]).all()
    assert weights[0] > 0
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_a_feature_that_is_the_same_everywhere_has_no_coefficient() -> None:
    features, right, _ = simulated(300, -38.0, [8.0, 0.7])
    constant = np.column_stack((features, np.full(len(features), 0.1)))
    _, weights = fit_logistic(constant, right)
    assert weights[2] == 0.0
    assert weights[:2] == pytest.approx(fit_logistic(features, right)[1])


@pytest.mark.parametrize("outcomes", [[], [True, True], [False]])
def test_outcomes_that_are_all_the_same_are_refused(outcomes: list[bool]) -> None:
    right = np.array(outcomes, dtype=bool)
    with pytest.raises(ValueError, match="all of them the same"):
        fit_logistic(np.zeros((len(right), 1)), right)


def test_a_feature_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        fit_logistic(np.array([[np.inf], [0.0]]), np.array([True, False]))


def test_the_error_is_the_mean_distance_over_bins_of_equal_mass() -> None:
    probabilities = np.array([0.1, 0.9, 0.2, 0.8])
    right = np.array([False, True, True, False])
    # Bins {0.1, 0.2} and {0.8, 0.9}: means 0.15 and 0.85, of which half are right.
    assert expected_calibration_error(probabilities, right, bins=2) == pytest.approx(0.35)
    assert expected_calibration_error(probabilities, right, bins=1) == pytest.approx(0.0)


def test_true_probabilities_have_next_to_no_error_and_certainty_has_all() -> None:
    _, right, probabilities = simulated(50_000, -38.0, [8.0, 0.7])
    assert expected_calibration_error(probabilities, right) < 0.01
    certain = np.ones(len(right))
    assert expected_calibration_error(certain, right) == pytest.approx(1 - right.mean())


def test_fewer_words_than_bins_have_no_error() -> None:
    with pytest.raises(ValueError, match="cannot fill 15 bins"):
        expected_calibration_error(np.ones(BINS - 1), np.ones(BINS - 1, dtype=bool))
