"""A fit whose memory does not grow with the history: sums of a chunk of rows at a time.

Prophet keeps some forty numbers a row while it fits (features, a copy of them joined, another copy
for Stan); here that many are kept of one chunk alone.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from include.forecast.damping import volatility
from include.forecast.map_fit import CHUNK_ROWS, Floats, Sums, converged
from include.forecast.model import Fitted
from include.forecast.sketch import (
    Sketch,
    change_rows,
    finished,
    partial_sums,
    skeleton,
    total,
)


def fit_in_chunks(frame: pd.DataFrame) -> Fitted:
    """What `model.fit` makes of these rows (`ds` ascending, `close`), to rounding."""
    sketch = sketch_of(frame)
    model, priors = skeleton(sketch)
    edges = [*range(0, len(frame), CHUNK_ROWS), len(frame)]

    def sums_around(reference: Floats) -> Sums:
        chunks = (frame.iloc[begin:end] for begin, end in pairwise(edges))
        return total([partial_sums(model, chunk, reference) for chunk in chunks])

    return finished(sketch, *converged(sums_around, priors))


def sketch_of(frame: pd.DataFrame) -> Sketch:
    """The rows of a series (`ds` ascending, `close`) that shape its model."""
    closes = frame["close"].to_numpy()
    largest = int(np.argmax(np.abs(np.log(closes))))
    changes = change_rows(len(frame))
    chosen = {0, len(frame) - 1, int(closes.argmin()), int(closes.argmax()), largest, *changes}
    return Sketch(
        rows=len(frame),
        frame=frame.iloc[sorted(chosen)].reset_index(drop=True),
        changes=list(frame["ds"].iloc[changes]),
        walk=volatility(frame),
    )
