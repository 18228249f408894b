"""The strategy object: the same one in backtest, replay, paper and live mode. Pure."""

from collections.abc import Iterable

from include.market.anchoring import Anchor, last_closed_minute
from include.market.events import MAIN_ACCOUNT, Decision, Fill, Order, Score, Top
from include.market.measures import mid_price
from include.market.volatility import DayOfPrices
from include.trading.account import (
    Account,
    advance,
    begin_buy_and_hold,
    count_order,
    mark_peak,
    settle,
)
from include.trading.decision import decide, is_sale_at_stop_loss, source_digest
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
        account_name: str = MAIN_ACCOUNT,
        last_window: int = -1,
        recent_prices: DayOfPrices | None = None,
    ) -> None:
        """Go on with an account whose last decided window began at `last_window` (µs).

        `recent_prices` are the mid prices of its decisions so far; null: it has made none.
        """
        self.parameters, self.account, self.last_window = parameters, account, last_window
        self.rule, self._prices = rule, recent_prices or DayOfPrices()
        self._account_name = account_name

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

        `fault` is why there is no forecast, `vetoes` what forbids to order. A signal of an older
        window than the last one is decided too: it holds.
        """
        is_late = signal.window_start <= self.last_window
        market_time = max(signal.timestamp, self.last_window) if is_late else signal.timestamp
        best = top.best if top else None
        self._advance(market_time, best)
        anchor = self._anchor(signal, best, forecast) if best and not is_late else None
        inputs = Inputs(
            rule=self.rule,
            signal=signal,
            forecast=see_forecast(
                forecast,
                window_end=signal.timestamp,
                fault=fault,
                parameters=self.parameters,
                anchor=anchor,
            ),
            top=top,
            account=self.account,
            parameters=self.parameters,
            vetoes=(*vetoes, Reason.SIGNAL_LATE) if is_late else vetoes,
            record_id=record_id,
            rule_digest=source_digest(self.rule),
            account_name=self._account_name,
        )
        return self._take(decide(normalize_inputs(inputs)), signal, market_time)

    def decide_again(self, others: Inputs) -> Decision:
        """The decision, not recorded, on what another strategy saw at the same signal.

        Only rule, parameters and account are this one's: what both see of signal, forecast and
        book must not depend on these. The other's inputs are recorded ones.
        """
        signal, best = others.signal, others.top.best if others.top else None
        market_time = max(signal.timestamp, self.last_window)
        self._advance(market_time, best)
        inputs = Inputs(
            rule=self.rule,
            signal=signal,
            forecast=others.forecast,
            top=others.top,
            account=self.account,
            parameters=self.parameters,
            vetoes=others.vetoes,
        )
        return self._take(decide(inputs, is_recorded=False), signal, market_time)

    def _take(self, decision: Decision, signal: Signal, market_time: int) -> Decision:
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

    def _anchor(self, signal: Signal, best: Top, forecast: ForecastSides | None) -> Anchor | None:
        """Take the mid price at the window's end in, and put the forecast there.

        The volatility is that of these mid prices, or the published one until an hour is known.
        """
        if min(best.bid, best.ask) <= 0:
            return None
        minute, price = last_closed_minute(signal.timestamp), mid_price(best)
        self._prices.add(minute, float(price))
        if forecast is None:
            return None
        return Anchor(minute, price, self._prices.volatility() or forecast.volatility)

    def settle(self, order: Order, fills: Iterable[Fill]) -> Score | None:
        """Take an order's outcome into the account; a sale is scored."""
        self.account, score = settle(self.account, order, fills)
        return score
