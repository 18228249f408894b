"""The memory benchmark's line: what it draws through the samples, and how sure it is."""

import random

import pytest

from bench.memory import lowest_samples
from bench.slope import fit_line


def test_of_each_minute_the_lowest_samples_sample_after_the_start_counts() -> None:
    samples = [(0.5, 1.0), (5.2, 9.0), (5.4, 7.0), (5.9, 8.0), (6.0, 3.0), (8.7, 4.0)]
    assert lowest_samples(samples, 5) == [(5.4, 7.0), (6.0, 3.0), (8.7, 4.0)]


def test_a_line_without_noise_is_found_exactly() -> None:
    slope, error = fit_line([(at, 100 + 0.25 * at) for at in range(5, 20)])
    assert slope == pytest.approx(0.25)
    assert error == pytest.approx(0, abs=1e-9)


def test_the_error_covers_the_true_slope_about_nineteen_times_in_twenty() -> None:
    rng, inside = random.Random(5), 0
    for _ in range(400):
        slope, error = fit_line([(at, 100 + 0.1 * at + rng.gauss(0, 3)) for at in range(15)])
        inside += abs(slope - 0.1) <= error
    assert 360 <= inside < 395
