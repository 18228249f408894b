"""Repeats the rehearsed strategy at other fees: the profit that each would leave."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from include.trading.buy_and_hold import is_two_sided, value_at
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment
from streaming.trader.rehearsal.rehearse import InForce, RecentPrices, Rehearsal

FEES_BPS = tuple(map(Decimal, (0, 1, 5, 10, 25, 40)))


class FeeComparison:
    """Decides on every moment once for each fee, in basis points."""

    def __init__(
        self,
        config: TraderConfig,
        *,
        in_force: InForce,
        recent_prices: RecentPrices = (),
        fees_bps: Sequence[Decimal] = FEES_BPS,
    ) -> None:
        """`in_force` and `recent_prices` as in `rehearse`."""
        self._in_force, self._start = in_force, config.start
        self._rehearsals = {
            fee_bps: Rehearsal(
                replace(
                    config, parameters=msgspec.structs.replace(config.parameters, fee_bps=fee_bps)
                ),
                recent_prices=recent_prices,
            )
            for fee_bps in fees_bps
        }
        self._worth_by_fee: dict[Decimal, Decimal] = {}

    def watch(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """The moments as they come, each decided on at every fee."""
        for moment in moments:
            forecast, fault = self._in_force(moment.signal)
            best = moment.top.best if moment.top else None
            for fee_bps, rehearsal in self._rehearsals.items():
                account = rehearsal.step(moment, forecast, fault).account
                if best and is_two_sided(best):
                    self._worth_by_fee[fee_bps] = value_at(account.quote, account.base, best.bid)
            yield moment

    def profits(self) -> dict[Decimal, Decimal]:
        """By fee, what the account was worth at the last best bid more than at its start."""
        start = self._start.quote
        return {
            fee_bps: self._worth_by_fee.get(fee_bps, start) - start for fee_bps in self._rehearsals
        }
