"""Scores of ensembles: known values, properness, and weights that listen without losing their heads."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from rencheng.science.ensemble_verification import crps_ensemble, effective_size, member_weights, reliability_bins

finite = st.floats(-100, 100)


def test_crps_of_a_large_normal_ensemble_is_the_published_closed_form() -> None:
    members = norm.ppf((np.arange(20_000) + 0.5) / 20_000)[None, :]
    y = 0.7
    closed = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)  # Gneiting & Raftery 2007, sec. 4.2
    np.testing.assert_allclose(crps_ensemble(members, np.array([y])), closed, atol=1e-3)


@given(arrays(np.float64, (3, 5), elements=finite), arrays(np.float64, 3, elements=finite))
def test_crps_is_never_negative_and_is_the_double_sum(members: np.ndarray, observed: np.ndarray) -> None:
    w = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
    gaps = np.abs(members[:, :, None] - members[:, None, :])
    double = np.abs(members - observed[:, None]) @ w - 0.5 * np.einsum("i,j,cij->c", w, w, gaps)
    got = crps_ensemble(members, observed, w)
    np.testing.assert_allclose(got, double, atol=1e-9)
    assert (got >= -1e-9).all()


@settings(max_examples=50)
@given(arrays(np.float64, (8, 20), elements=finite), arrays(np.float64, 8, elements=finite))
def test_weights_sum_to_one_and_keep_their_effective_size(members: np.ndarray, observed: np.ndarray) -> None:
    w = member_weights(members, observed, prior=np.full(20, 0.05), sigma=0.1, least_effective=0.25)
    assert np.isclose(w.sum(), 1.0)
    assert effective_size(w) >= 0.25 * 20 - 1e-6


def test_members_that_saw_the_water_gain_weight() -> None:
    members = np.array([[0.0, 0.1, 0.4, 0.5]])
    w = member_weights(members, np.array([0.45]), prior=np.full(4, 0.25), sigma=0.1, least_effective=0.25)
    assert w[2] + w[3] > 0.9


def test_a_reliable_forecast_lies_on_the_diagonal() -> None:
    rng = np.random.default_rng(1)
    prob = rng.uniform(size=50_000)
    bins = reliability_bins(prob, rng.uniform(size=50_000) < prob, np.linspace(0, 1, 11))
    assert max(abs(forecast - seen) for forecast, seen, _ in bins) < 0.03
