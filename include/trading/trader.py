"""The strategy object: the same one in backtest, replay, paper and live mode. Pure."""

from collections.abc import Iterable

from include.market.events import Decision, Fill, Order, Score
from include.trading.account import Account, at, beside_hold, ordered, settle
from include.trading.forecast_and_ratio import ForecastAndRatio
from include.trading.inputs import (
    Forecast,
    Inputs,
    Parameters,
    Place,
    SeenTop,
    Signal,
    asked_of,
    in_plain,
)
from include.trading.rules import decide


class Trader:
    """Decides on each signal and keeps the account. It knows no time but that of its inputs."""

    def __init__(
        self,
        parameters: Parameters,
        account: Account,
        *,
        rule: str = ForecastAndRatio.name,
        last_window: int = -1,
    ) -> None:
        """Go on with an account whose last decided window began at `last_window` (µs)."""
        self.parameters, self.account, self.last_window = parameters, account, last_window
        self.rule = rule

    def decide(
        self,
        signal: Signal,
        *,
        forecast: Forecast | None,
        book: SeenTop | None,
        fault: str | None = None,
        blocks: tuple[str, ...] = (),
        place: Place | None = None,
    ) -> Decision:
        """The decision on a signal. `fault` says why there is no forecast, `blocks` who forbids.

        A signal of an older window than the last one is decided too: it holds.
        """
        late = ("signal_late",) if signal.window_start <= self.last_window else ()
        now = signal.timestamp if not late else max(signal.timestamp, self.last_window)
        top = book.top if book else None
        self.account = beside_hold(at(self.account, now), top, fee_bps=self.parameters.fee_bps)
        seen = asked_of(
            forecast,
            window_end=signal.timestamp,
            fault=fault,
            lookahead_minutes=self.parameters.lookahead_minutes,
        )
        decision = decide(
            in_plain(
                Inputs(
                    self.rule,
                    signal,
                    seen,
                    book,
                    self.account,
                    self.parameters,
                    blocks + late,
                    place,
                )
            )
        )
        self.last_window = max(self.last_window, signal.window_start)
        if decision.action != "hold":
            self.account = ordered(self.account, now)
        return decision

    def settle(self, order: Order, fills: Iterable[Fill]) -> Score | None:
        """Take an order's outcome into the account; a sale is scored."""
        self.account, score = settle(self.account, order, fills)
        return score
