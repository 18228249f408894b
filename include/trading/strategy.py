"""The strategy object: the same one in backtest, replay, paper and live mode. Pure."""

from collections.abc import Iterable

from include.market.events import Decision, Fill, Order, Score, Top
from include.trading.account import (
    Account,
    advance,
    begin_buy_and_hold,
    count_order,
    mark_peak,
    settle,
)
from include.trading.decision import decide, is_sale_at_stop_loss
from include.trading.forecast_and_ratio import ForecastAndRatio
from include.trading.inputs import (
    ForecastSides,
    Inputs,
    Parameters,
    RecordId,
    SeenTop,
    Signal,
    normalize_inputs,
    see_forecast,
)
from include.trading.reasons import Reason


class Strategy:
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
        forecast: ForecastSides | None,
        top: SeenTop | None,
        fault: Reason | None = None,
        vetoes: tuple[Reason, ...] = (),
        record_id: RecordId | None = None,
    ) -> Decision:
        """The decision on a signal.

        `fault` says why there is no forecast, `vetoes` what forbids to order. A signal of an older
        window than the last one is decided too: it holds.
        """
        is_late = signal.window_start <= self.last_window
        market_time = max(signal.timestamp, self.last_window) if is_late else signal.timestamp
        self._advance(market_time, top.best if top else None)
        inputs = Inputs(
            rule=self.rule,
            signal=signal,
            forecast=see_forecast(
                forecast,
                window_end=signal.timestamp,
                fault=fault,
                parameters=self.parameters,
            ),
            top=top,
            account=self.account,
            parameters=self.parameters,
            vetoes=(*vetoes, Reason.SIGNAL_LATE) if is_late else vetoes,
            record_id=record_id,
        )
        decision = decide(normalize_inputs(inputs))
        self.last_window = max(self.last_window, signal.window_start)
        if decision.action != "hold":
            self.account = count_order(
                self.account, market_time, at_stop_loss=is_sale_at_stop_loss(decision)
            )
        return decision

    def _advance(self, market_time: int, best: Top | None) -> None:
        """Bring the account to a market time (µs) and the best prices at it."""
        account, parameters = advance(self.account, market_time), self.parameters
        account = begin_buy_and_hold(account, best, fee_bps=parameters.fee_bps)
        self.account = mark_peak(account, best) if parameters.max_drawdown > 0 else account

    def settle(self, order: Order, fills: Iterable[Fill]) -> Score | None:
        """Take an order's outcome into the account; a sale is scored."""
        self.account, score = settle(self.account, order, fills)
        return score
