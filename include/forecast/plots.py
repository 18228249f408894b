"""Pictures of forecasts, as PNG: components, forecast beside actual prices, errors."""

import io
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from include.forecast.evaluation import DRIFT, LAST_PRICE, PROPHET, USUAL_DAY, Evaluation
from include.forecast.scores import COVERED

COLOURS = {PROPHET: "#7c3aed", LAST_PRICE: "#475569", USUAL_DAY: "#0d9488", DRIFT: "#b45309"}
OTHER_COLOUR = "#db2777"
BUCKETS = 24
NEAR, POINTS = pd.Timedelta(days=2), 3000


def evaluation_picture(evaluation: Evaluation, *, symbol: str) -> bytes:
    """Mean absolute error by minutes ahead by forecaster, and the coverage of the interval."""
    figure, (error_axes, coverage_axes) = _figure(row_count=2)
    pairs = evaluation.pairs
    edges = np.unique(np.geomspace(1, evaluation.terms.ahead, BUCKETS).astype(int))
    bucket = edges[np.clip(np.searchsorted(edges, pairs["lead"]), 0, len(edges) - 1)]
    for name in evaluation.forecasters:
        errors_by_bucket = (pairs["close"] - pairs[name]).abs().groupby(bucket).mean()
        colour = COLOURS.get(name, OTHER_COLOUR)
        error_axes.plot(errors_by_bucket.index, errors_by_bucket, label=name, color=colour)
    is_inside = (pairs["close"] >= pairs["yhat_lower"]) & (pairs["close"] <= pairs["yhat_upper"])
    share = is_inside.groupby(bucket).mean()
    coverage_axes.plot(share.index, share, color=COLOURS[PROPHET])
    coverage_axes.axhline(COVERED, color="#94a3b8", linestyle="--", linewidth=1)
    error_axes.set_title(f"{symbol}: mean absolute error over {evaluation.origins} origins")
    error_axes.legend(frameon=False)
    error_axes.set_ylabel("price")
    coverage_axes.set(
        ylabel="inside the 80 % interval",
        xlabel="minutes (short-term: seconds) ahead",
        ylim=(0, 1.02),
    )
    for axes in (error_axes, coverage_axes):
        axes.set_xscale("log")
    return render_png(figure)


def forecast_picture(actual_df: pd.DataFrame, forecast_df: pd.DataFrame, *, title: str) -> bytes:
    """Prices (`ds`, `close`) and a forecast with its bounds, from before its first minute on."""
    figure, (near_axes, far_axes) = _figure(row_count=2)
    first_minute = forecast_df["ds"].iloc[0]
    for axes, span in ((near_axes, NEAR), (far_axes, forecast_df["ds"].iloc[-1] - first_minute)):
        drawn_df = forecast_df[forecast_df["ds"] <= first_minute + span].iloc[
            :: max(len(forecast_df) // POINTS, 1)
        ]
        past_df = actual_df[
            actual_df["ds"]
            > first_minute - min(span, actual_df["ds"].iloc[-1] - actual_df["ds"].iloc[0])
        ]
        axes.fill_between(
            drawn_df["ds"],
            drawn_df["yhat_lower"],
            drawn_df["yhat_upper"],
            color=COLOURS[PROPHET],
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(
            drawn_df["ds"],
            drawn_df["yhat"],
            color=COLOURS[PROPHET],
            label="forecast, 80 % interval",
        )
        axes.plot(past_df["ds"], past_df["close"], color="#475569", linewidth=1, label="actual")
        axes.set_ylabel("price")
    near_axes.set_title(title)
    near_axes.legend(frameon=False)
    return render_png(figure)


def render_png(figure: Any) -> bytes:
    """A figure as PNG without a time stamp, so that the same figure is the same bytes."""
    content = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _figure(*, row_count: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9, 3.2 * row_count), layout="constrained")
    axes = figure.subplots(row_count, 1, squeeze=False)[:, 0]
    for subplot in axes:
        subplot.grid(alpha=0.25)
        subplot.spines[["top", "right"]].set_visible(False)
    return figure, axes
