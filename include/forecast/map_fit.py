"""The MAP estimate of Prophet's model from sums over the rows, behind Prophet's own seam.

With linear growth and additive terms the model (prophet.stan) is linear and Gaussian:
y = Z theta + noise with Z = [t, 1, (t - s_j)+, X], normal priors on k, m (sd 5) and beta (sd
`sigmas`), a Laplace prior (scale tau) on the trend changes delta, and sigma ~ N+(0, 0.5). The data
enter only through Z'Z, Z'r and r'r, so one chunked pass is enough whatever the number of rows. The
maximum is then found on the small matrices: |delta| majorised by a quadratic (Hunter and Li 2005),
one linear solve for theta, and the closed form of sigma (4 sigma^4 + n sigma^2 - RSS = 0), in turn
until the log posterior converges.

What this does not cover (logistic or flat growth, multiplicative terms, MCMC, options of Stan's
optimiser) goes to stock Prophet's back end, with a warning in the log.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from prophet.models import CmdStanPyBackend, IStanBackend
from threadpoolctl import ThreadpoolController

from include.forecast.damping import Floats

log = logging.getLogger("tickhouse.forecast")

CHUNK_ROWS = 65_536
TREND_SD, SIGMA_SD = 5.0, 0.5
SMALLEST_SIGMA2 = 1e-18
SMALLEST_DELTA = 1e-12
STEPS, TOLERANCE, STILL = 500, 1e-12, 1e-9
CANCELLING = 1e-7
PASSES = 3
# The matrices are small: threads that spin for each other cost ten times what they save on a
# machine that has other things to do.
THREADS = ThreadpoolController()


@dataclass(frozen=True)
class Sums:
    """What the rows amount to around a reference theta0: Z'Z, Z'r and r'r of r = y - Z theta0."""

    rows: int
    gram: Floats
    moment: Floats
    square: float
    reference: Floats

    def rss(self, theta: Floats) -> float:
        """The residual sum of squares at theta."""
        step = theta - self.reference
        return float(self.square - 2 * step @ self.moment + step @ self.gram @ step)


@dataclass(frozen=True)
class Priors:
    """Precisions of the normal priors (0 for delta) and the Laplace scale tau of delta."""

    precision: Floats
    deltas: slice
    tau: float

    def log_density(self, theta: Floats) -> float:
        """Log prior of theta up to a constant, as Stan drops it."""
        laplace = float(np.abs(theta[self.deltas]).sum()) / self.tau
        return -0.5 * float(self.precision @ theta**2) - laplace

    def majorise(self, theta: Floats) -> Floats:
        """The diagonal precision of the quadratic that touches the log prior at theta."""
        precision = self.precision.copy()
        precision[self.deltas] = 1 / (
            self.tau * np.maximum(np.abs(theta[self.deltas]), SMALLEST_DELTA)
        )
        return precision


class MapBackend(IStanBackend):
    """Fits in seconds what Stan fits in minutes; `fitted_by` is which of the two did it."""

    fitted_by = "map"

    @staticmethod
    def get_type() -> str:
        """The back end's name."""
        return "TICKHOUSE_MAP"

    def load_model(self) -> None:
        """Do nothing: there is no compiled model."""

    def fit(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        """The MAP parameters as Prophet keeps them: each an array of one row."""
        reason = _uncovered_feature(stan_data, kwargs)
        if reason:
            return dict(self._stock(reason).fit(stan_init, stan_data, **kwargs))
        theta, sigma = estimate(stan_data)
        return as_params(theta, sigma, changepoint_count=int(stan_data["S"]))

    def sampling(
        self, stan_init: dict[str, Any], stan_data: dict[str, Any], samples: int, **kwargs: Any
    ) -> dict[str, Any]:
        """MCMC, which is stock Prophet's."""
        return dict(self._stock("MCMC").sampling(stan_init, stan_data, samples, **kwargs))

    def _stock(self, reason: str) -> Any:
        log.warning("stock Prophet fits this model: %s is not covered by the fast fit", reason)
        self.fitted_by = "stan"
        return CmdStanPyBackend()


def estimate(stan_data: Mapping[str, Any]) -> tuple[Floats, float]:
    """The (k, m, delta, beta) and sigma that maximise the log posterior of Prophet's data."""
    return fit_to_convergence(lambda reference: sums_of(stan_data, reference), priors_of(stan_data))


def fit_to_convergence(
    sums_around: Callable[[Floats], Sums], priors: Priors
) -> tuple[Floats, float]:
    """Theta and sigma by as many passes over the rows as accurate sums need."""
    theta, sigma2 = np.zeros(len(priors.precision)), 1.0
    with THREADS.limit(limits=1, user_api="blas"):
        for _ in range(PASSES):
            sums = sums_around(theta)
            theta, sigma2 = maximise(sums, priors)
            if is_accurate(sums, theta):
                break
    return theta, float(np.sqrt(sigma2))


def is_accurate(sums: Sums, theta: Floats) -> bool:
    """Whether these sums give the residuals at theta accurately.

    RSS from sums cancels when the fit is nearly perfect: they must be summed again around theta.
    """
    return sums.rss(theta) > CANCELLING * sums.square


def sums_of(stan_data: Mapping[str, Any], reference: Floats) -> Sums:
    """One pass over the rows, `CHUNK_ROWS` at a time."""
    size, rows = len(reference), int(stan_data["T"])
    gram, moment, square = np.zeros((size, size)), np.zeros(size), 0.0
    for start in range(0, rows, CHUNK_ROWS):
        design, y = _chunk(stan_data, start)
        residual = y - design @ reference
        gram += design.T @ design
        moment += design.T @ residual
        square += float(residual @ residual)
    return Sums(rows, gram, moment, square, reference)


def maximise(sums: Sums, priors: Priors) -> tuple[Floats, float]:
    """The theta and sigma2 of the highest log posterior that these sums and priors have."""
    theta, sigma2 = sums.reference, solve_variance(sums, sums.reference)
    weights = priors.precision.copy()
    weights[priors.deltas] = 1 / priors.tau**2
    best = -np.inf
    for _ in range(STEPS):
        previous_theta, theta = theta, _solve(sums, weights, sigma2)
        sigma2 = solve_variance(sums, theta)
        log_density = log_posterior(sums, priors, theta, sigma2)
        # The posterior is flat at its maximum: it converges before theta does.
        moved = float(np.abs(theta - previous_theta).max())
        if log_density - best <= TOLERANCE * abs(log_density) and moved <= STILL:
            break
        best, weights = log_density, priors.majorise(theta)
    return theta, sigma2


def solve_variance(sums: Sums, theta: Floats) -> float:
    """The best sigma2 for this theta: the positive root of 4 sigma2^2 + n sigma2 - RSS = 0."""
    rss = max(sums.rss(theta), 0.0)
    root = 2 * rss / (sums.rows + np.sqrt(sums.rows**2 + 16 * rss))
    return max(float(root), SMALLEST_SIGMA2)


def log_posterior(sums: Sums, priors: Priors, theta: Floats, sigma2: float) -> float:
    """Stan's `lp__` of the model: without constants, without the Jacobian of sigma."""
    likelihood = -0.5 * sums.rows * np.log(sigma2) - max(sums.rss(theta), 0.0) / (2 * sigma2)
    return float(likelihood) + priors.log_density(theta) - sigma2 / (2 * SIGMA_SD**2)


def _solve(sums: Sums, weights: Floats, sigma2: float) -> Floats:
    """The root of (Z'Z + sigma2 W) theta = Z'y, as a step from the reference, well scaled."""
    matrix = sums.gram + np.diag(sigma2 * weights)
    right = sums.moment - sigma2 * weights * sums.reference
    scale = 1 / np.sqrt(np.diag(matrix))
    scaled = matrix * scale[:, None] * scale
    try:
        step = np.linalg.solve(scaled, right * scale)
    except np.linalg.LinAlgError:
        step = np.linalg.lstsq(scaled, right * scale, rcond=None)[0]
    return np.asarray(sums.reference + step * scale, dtype=np.float64)


def _chunk(stan_data: Mapping[str, Any], start: int) -> tuple[Floats, Floats]:
    rows = slice(start, start + CHUNK_ROWS)
    t = np.asarray(stan_data["t"][rows], dtype=np.float64)
    hinges = np.maximum(t[:, None] - np.asarray(stan_data["t_change"], dtype=np.float64), 0.0)
    terms = np.asarray(stan_data["X"][rows], dtype=np.float64)
    design = np.column_stack([t, np.ones_like(t), hinges, terms])
    return design, np.asarray(stan_data["y"][rows], dtype=np.float64)


def priors_of(stan_data: Mapping[str, Any]) -> Priors:
    """The priors in Prophet's data for Stan."""
    changepoint_count = int(stan_data["S"])
    beta = 1 / np.asarray(stan_data["sigmas"], dtype=np.float64) ** 2
    trend = np.full(2, TREND_SD**-2)
    precision = np.concatenate([trend, np.zeros(changepoint_count), beta])
    return Priors(precision, slice(2, 2 + changepoint_count), float(stan_data["tau"]))


def _uncovered_feature(stan_data: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    if stan_data["trend_indicator"] != 0:
        return "growth that is not linear"
    if np.any(np.asarray(stan_data["s_m"])):
        return "a multiplicative term"
    return f"the optimiser's options {sorted(options)}" if options else ""


def as_params(theta: Floats, sigma: float, *, changepoint_count: int) -> dict[str, Any]:
    """The parameters as Prophet keeps them: each an array of one row."""
    groups = {
        "k": theta[:1],
        "m": theta[1:2],
        "delta": theta[2 : 2 + changepoint_count],
        "sigma_obs": np.array([sigma]),
        "beta": theta[2 + changepoint_count :],
    }
    return OrderedDict((name, parameters.reshape((1, -1))) for name, parameters in groups.items())
