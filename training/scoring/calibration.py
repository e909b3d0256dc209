"""Probabilities against what happened: a logistic fit, and how far probabilities are off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.bool_]

RIDGE = 1.0
"""Weight of the squared coefficients of standardised features: as much as one word or so says."""
BINS = 15
_TOLERANCE = 1e-9
_MOST_STEPS = 100


def fit_logistic(
    features: Values, outcomes: Outcomes, *, ridge: float = RIDGE
) -> tuple[float, Values]:
    """Intercept and coefficients, shape (n_features,), of a penalised logistic regression.

    ``features`` has shape (n, n_features), ``outcomes`` (n,). Newton's method (iteratively
    reweighted least squares: Hastie, Tibshirani & Friedman 2009, section 4.4.1) with halved steps
    where a whole one overshoots. The ridge is on features that are scaled to unit variance and not
    on the intercept, so a mean probability is that of the outcomes, and outcomes that a feature
    separates give finite coefficients.

    Raises:
        ValueError: all outcomes are the same, or a feature is not finite.
    """
    if not len(outcomes) or outcomes.all() or not outcomes.any():
        raise ValueError(f"{len(outcomes)} outcomes, all of them the same: nothing can be fitted")
    if not np.isfinite(features).all():
        raise ValueError("a feature is not finite")
    centre, scale = features.mean(axis=0), features.std(axis=0)
    # A feature that is the same everywhere says nothing, and its coefficient is then zero.
    scale[scale < 1e-12 * np.maximum(1.0, np.abs(centre))] = np.inf
    design = np.column_stack((np.ones(len(outcomes)), (features - centre) / scale))
    found = _newton(design, outcomes.astype(np.float64), ridge)
    coefficients = found[1:] / scale
    return float(found[0] - coefficients @ centre), coefficients


def _newton(design: Values, outcomes: Values, ridge: float) -> Values:
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    share = outcomes.mean()
    found = np.zeros(design.shape[1])
    found[0] = np.log(share / (1.0 - share))
    loss = _loss(design, outcomes, penalty, found)
    for _ in range(_MOST_STEPS):
        probabilities = sigmoid(design @ found)
        gradient = design.T @ (probabilities - outcomes) + penalty * found
        weights = probabilities * (1.0 - probabilities)
        curvature = (design * weights[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (after := _loss(design, outcomes, penalty, found - size * step)) > loss:
            size /= 2.0
            if size < _TOLERANCE:
                return found
        found = found - size * step
        if loss - after < _TOLERANCE * max(1.0, abs(after)):
            return found
        loss = after
    return found


def _loss(design: Values, outcomes: Values, penalty: Values, found: Values) -> float:
    logits = design @ found
    losses = np.logaddexp(0.0, logits) - outcomes * logits
    return float(losses.sum() + 0.5 * (penalty * found**2).sum())


def sigmoid(logits: Values) -> Values:
    """The probabilities of logits, of the same shape."""
    return np.exp(-np.logaddexp(0.0, -logits))


def expected_calibration_error(
    probabilities: Values, outcomes: Outcomes, *, bins: int = BINS
) -> float:
    """Mean distance of probability and outcome over bins of equally many, weighted by their sizes.

    Both have shape (n,). Sorted by probability and cut into ``bins`` of equal mass (Nixon et al.
    2019, "Measuring calibration in deep learning"): bins of equal width are nearly empty where most
    words are right. Equal probabilities are in the order in which they came.

    Raises:
        ValueError: there are fewer values than bins.
    """
    if len(outcomes) < bins:
        raise ValueError(f"{len(outcomes)} values cannot fill {bins} bins")
    order = np.argsort(probabilities, kind="stable")
    total = 0.0
    for part in np.array_split(order, bins):
        gap = abs(probabilities[part].mean() - outcomes[part].mean())
        total += len(part) * gap
    return float(total / len(outcomes))
