"""The pictures of forecasts, as PNG: what a model is made of, how it did, how it compares."""

import io
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from include.forecast.evaluation import AHEAD, NAIVE, OURS, Evaluation

COLOURS = {OURS: "#7c3aed", "last value": "#475569", "last value and usual day": "#0d9488"}
BUCKETS = 24
NEAR, POINTS = pd.Timedelta(days=2), 3000


def evaluation_picture(found: Evaluation, *, symbol: str) -> bytes:
    """Mean absolute error by minutes ahead for each forecaster, and our interval's coverage."""
    figure, (errors, inside) = _figure(rows=2)
    pairs = found.pairs
    edges = np.unique(np.geomspace(1, AHEAD, BUCKETS).astype(int))
    place = edges[np.clip(np.searchsorted(edges, pairs["lead"]), 0, len(edges) - 1)]
    for name in (OURS, *NAIVE):
        off = (pairs["close"] - pairs[name]).abs().groupby(place).mean()
        errors.plot(off.index, off, label=name, color=COLOURS[name])
    held = (pairs["close"] >= pairs["yhat_lower"]) & (pairs["close"] <= pairs["yhat_upper"])
    share = held.groupby(place).mean()
    inside.plot(share.index, share, color=COLOURS[OURS])
    inside.axhline(0.8, color="#94a3b8", linestyle="--", linewidth=1)
    errors.set_title(f"{symbol}: mean absolute error over {found.origins} origins")
    errors.legend(frameon=False)
    errors.set_ylabel("price")
    inside.set(ylabel="inside the 80 % interval", xlabel="minutes ahead", ylim=(0, 1.02))
    for one in (errors, inside):
        one.set_xscale("log")
    return png(figure)


def forecast_picture(actual: pd.DataFrame, made: pd.DataFrame, *, title: str) -> bytes:
    """Prices (`ds`, `close`) and a forecast with its bounds, from before its first minute on."""
    figure, (near, far) = _figure(rows=2)
    first = made["ds"].iloc[0]
    for axes, ahead in ((near, NEAR), (far, made["ds"].iloc[-1] - first)):
        shown = made[made["ds"] <= first + ahead].iloc[:: max(len(made) // POINTS, 1)]
        before = actual[
            actual["ds"] > first - min(ahead, actual["ds"].iloc[-1] - actual["ds"].iloc[0])
        ]
        axes.fill_between(
            shown["ds"],
            shown["yhat_lower"],
            shown["yhat_upper"],
            color=COLOURS[OURS],
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(shown["ds"], shown["yhat"], color=COLOURS[OURS], label="forecast, 80 % interval")
        axes.plot(before["ds"], before["close"], color="#475569", linewidth=1, label="actual")
        axes.set_ylabel("price")
    near.set_title(title)
    near.legend(frameon=False)
    return png(figure)


def png(figure: Any) -> bytes:
    """A figure as PNG without a time stamp, so that the same figure is the same bytes."""
    content = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _figure(*, rows: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    for one in axes:
        one.grid(alpha=0.25)
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes
