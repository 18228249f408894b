"""Reads a lake's minutes and says the peak of its memory: `… reading_child LAKE`."""

import json
import sys

from include.forecast.history import training_minutes
from tests.support.fitting_child import peak_mb


def main(lake: str) -> None:
    before = peak_mb()
    history = training_minutes(lake, symbol="BTC-USD", as_of=None, train_days=0)
    print(json.dumps({"before": before, "peak": peak_mb(), "rows": len(history.prices_df)}))


if __name__ == "__main__":
    main(sys.argv[1])
