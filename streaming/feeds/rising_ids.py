"""Which trades are new, by ids that rise with holes, over all connections of a feed. Pure."""

from include.market.events import LedgerEntry, Trade
from include.market.venues import BEGINS_AGAIN
from streaming.feeds.published_trades import EarlierCount, RecentIds
from streaming.feeds.trade_sequence import ID_JUMP, UNCONFIRMED, Entries


class RisingIds:
    """The ids of one symbol's trades, where each is above the one before and holes mean nothing."""

    def __init__(self, shared: dict[str, int], key: str) -> None:
        """Go on from `shared[key]`, the highest id known; `key` is a symbol."""
        self._shared, self._key = shared, key
        self.newest_key = f"{key}|newest"  # when the newest trade was made, µs
        self._behind = f"{key}|behind"  # an id below the last, until the next one comes
        self._recent = RecentIds(shared, key)
        self._before = EarlierCount(shared, key)

    def take(self, trade_id: int, traded_at: int) -> Entries | None:
        """The ledger entries that go before this trade; null if it was published before.

        `traded_at` in µs: an id that comes again with a later time is of another trade.
        """
        last, newest = self._shared.get(self._key), self._shared.get(self.newest_key, traded_at)
        if self._recent.holds(trade_id, traded_at):
            return None
        self._recent.add(trade_id, traded_at)
        if last is None or trade_id > last:
            if self._before.is_newer_than(
                trade_id, traded_at
            ):  # what another connection brings late
                return ()
            return self._advance(trade_id, traded_at, last)
        if traded_at < newest:  # an older connection brings it late
            return ()
        behind = self._shared.pop(self._behind, None)
        if behind is not None and behind < trade_id:
            self._before.end(0, last, newest)
            self._shared |= {self._key: trade_id, self.newest_key: traded_at}
            return (LedgerEntry("renumbered", BEGINS_AGAIN, behind, last),)
        self._shared[self._behind] = trade_id
        return (LedgerEntry("renumbered", UNCONFIRMED, trade_id, last),)

    def _advance(self, trade_id: int, traded_at: int, last: int | None) -> Entries:
        self._shared[self._key] = trade_id
        self._shared[self.newest_key] = max(traded_at, self._shared.get(self.newest_key, traded_at))
        self._shared.pop(self._behind, None)
        if last is not None and trade_id - last > ID_JUMP:
            return (LedgerEntry("jump", UNCONFIRMED, last + 1, trade_id - 1),)
        return ()

    def take_late(self, trade_id: int, traded_at: int) -> Entries | None:
        """No entry for a trade that is published after later ones; null if it was before."""
        if self._recent.holds(trade_id, traded_at):
            return None
        self._recent.add(trade_id, traded_at)
        return ()

    def leave_out_known(self, trades: list[Trade]) -> list[Trade]:
        """Of a venue's recent trades, in the order of their ids, those that did not come before.

        What was made by the time of the newest known trade is known; where that time is not known,
        what lies up to the last id, if the trades reach it.
        """
        last, newest = self._shared.get(self._key, -1), self._shared.get(self.newest_key)
        reaches_last = bool(trades) and int(trades[-1].trade_id) >= last
        return [
            trade
            for trade in trades
            if int(trade.trade_id) > last
            or (not reaches_last if newest is None else trade.traded_at > newest)
        ]
