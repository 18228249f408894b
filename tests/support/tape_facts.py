"""What a recorded tape says itself: the oracle of the trader's decisions, in plain arithmetic.

It shares no code with the trader: the book is two dictionaries, the rule is written anew.
"""

import json
from bisect import bisect_right
from collections import defaultdict
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from streaming.feeds.tape import read_tape

TAPE = "ws/gemini_v1/btcusd_2018-04-24"
MINUTE = 60_000_000
KEY = b"gemini|BTC-USD"
UNTIL = 1_524_546_000_000_000  # 05:00
SHARE, FEE = D("0.9"), D("0.004")
POSITION = D("0.1")  # of the account's worth: with less of it in base one is not in


class ThreeByThree:
    """Says buy for three minutes, then sell for three, and so on."""

    forecast_id, trained_until, volatility = "three", UNTIL, 0.0

    def side_at(self, minute_us: int) -> str:
        return "sell" if minute_us // MINUTE % 6 >= 3 else "buy"

    def level_at(self, minute_us: int) -> None:
        return None

    def bounds_at(self, minute_us: int) -> None:
        return None


class Facts:
    """What the tape says itself: liquidity of each minute, best bid and ask over time."""

    def __init__(self, path: Path) -> None:
        self.amounts: dict[int, dict[str, D]] = defaultdict(lambda: {"bid": D(0), "ask": D(0)})
        self.times: list[int] = []
        self.tops: list[tuple[D, D, D, D]] = []
        levels: dict[str, dict[D, D]] = {"bid": {}, "ask": {}}
        for frame in read_tape(path):
            told = json.loads(frame.data)
            for one in told["events"]:
                if one["type"] == "change":
                    self._change(levels[one["side"]], one, told.get("timestampms"))
            if "timestampms" in told:
                bid, ask = max(levels["bid"]), min(levels["ask"])
                self.times.append(told["timestampms"] * 1000)
                self.tops.append((bid, levels["bid"][bid], ask, levels["ask"][ask]))

    def _change(self, levels: dict[D, D], one: Any, time_ms: int | None) -> None:
        price, remaining = D(one["price"]), D(one["remaining"])
        if remaining:
            levels[price] = remaining
        else:
            levels.pop(price, None)
        if time_ms is not None:
            self.amounts[time_ms * 1000 // MINUTE][one["side"]] += price * remaining

    def signals(self) -> list[tuple[int, D]]:
        """The end and the ratio of each minute in which both sides moved."""
        return [
            ((minute + 1) * MINUTE, one["ask"] / one["bid"])
            for minute, one in sorted(self.amounts.items())
            if all(one.values())
        ]

    def expected(self) -> list[tuple[str, D | None, D | None]]:
        """Action, quantity and price at each signal, by the rule in plain arithmetic."""
        quote, base, found = D(10_000), D(0), []
        for end, ratio in self.signals():
            bid, bids, ask, asks = self.tops[bisect_right(self.times, end) - 1]
            buys = ThreeByThree().side_at(end + MINUTE) == "buy"
            is_in = base * ask >= POSITION * (quote + base * ask)
            if buys and not is_in and D("0.1") < ratio < 2:
                quantity = (quote * SHARE / ask).quantize(D("1e-8"), "ROUND_DOWN")
                done = min(quantity, asks)
                base, quote = base + done, quote - done * ask * (1 + FEE)
                found.append(("buy", quantity, ask))
            elif not buys and base >= D("0.00001"):
                found.append(("sell", base, bid))
                done = min(base, bids)
                base, quote = base - done, quote + done * bid * (1 - FEE)
            else:
                found.append(("hold", None, None))
        return found
