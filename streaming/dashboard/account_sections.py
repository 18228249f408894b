"""The panels of the trader and of the days ahead, and the strip of tiles."""

from decimal import Decimal

from streaming.dashboard import colours
from streaming.dashboard.live import Feed
from streaming.dashboard.panels import money, tiles, words
from streaming.dashboard.panels.prices import Columns
from streaming.dashboard.panels.tiles import Tile
from streaming.dashboard.shown import Section, Shown, currency

_DECIDED_LIMIT_S = 180.0
_ZERO = Decimal(0)


def account(shown: Shown) -> Section:
    """Worth of the account beside buy-and-hold, and the cumulative profit of its trips."""
    trader, trading = shown.settings.trader, shown.live.trading
    base, _, quote = trader.symbol.partition("-")
    fills, scores = trading.in_order("fills"), trading.in_order("scores")
    series = shown.live.series.get((trader.venue, trader.symbol))
    points = series.prices.between(shown.first, shown.last) if series else []
    kept = {second // shown.step_s: (second, value) for second, value in points}
    held = (
        money.holdings(
            fills,
            quote_now=trading.balances.get(quote, _ZERO),
            base_now=trading.balances.get(base, _ZERO),
        )
        if quote in trading.balances
        else []
    )
    worth = money.worth(held, list(kept.values()), fills=fills)
    seen = series.price_seen if series and held else 0.0
    state = shown.venue_status(trader.venue, seen)
    profit = money.profits(scores, first=shown.first, last=shown.last)
    value = f"{words.number(worth['equity'][-1])} {quote}" if worth["x"] else ""
    chips = _account_chips(worth, profit, trading.balances, base, quote) if held else []
    html = words.head(
        "Account beside buy and hold",
        state=state,
        old=shown.old(seen),
        chips=chips,
        value=value if state == "live" else "",
        waiting="the trader has told no balance yet",
    ) + words.trips(scores, currency=quote)
    return Section({"worth": worth, "profit": profit}, html=html, state=state)


def outlook(shown: Shown) -> Section:
    """The forecast of the coming days with its bounds, an hour a point."""
    points = shown.latest.served.long if shown.symbol == shown.settings.forecast.symbol else ()
    columns: Columns = {
        "x": [point.second * 1000.0 for point in points],
        "yhat": [point.yhat for point in points],
        "lower": [point.lower for point in points],
        "upper": [point.upper for point in points],
    }
    manifest = shown.latest.files.manifest
    state = shown.served_status() if points else "none"
    chips = []
    if points:
        quote = currency(shown.symbol)
        chips.append(
            words.chip(
                "in three days",
                f"{words.number(points[-1].yhat)} {quote}",
                colour=colours.FORECAST,
                dashed=True,
            )
        )
    if points and manifest:
        until = f"{manifest.trained_until:%-d %b %Y %H:%M}"
        chips.append(words.chip("trained until", until, colour=colours.INK))
    symbol = shown.settings.forecast.symbol
    html = words.head(
        f"Forecast {symbol}, days ahead",
        state=state,
        old=shown.old(shown.latest.served.seen),
        chips=chips,
        waiting=f"no forecast of {shown.symbol} is served",
    )
    return Section({"outlook": columns}, html=html, state=state)


def strip(shown: Shown) -> str:
    """All tiles."""
    clock, files = shown.live.clock_us / 1_000_000, shown.latest.files
    found = [
        tiles.clock_tile(clock, seen=shown.live.clock_seen, now=shown.now, limit_s=shown.stale_s),
        *_feed_tiles(shown),
        tiles.lag_tile(files.stream, shown.live.reached, now=shown.now),
        tiles.forecast_tile(
            files.manifest, clock=clock, stale_s=shown.settings.forecast.stale_hours * 3600
        ),
        _trader_tile(shown),
        tiles.quarantine_tile(files.quarantined),
        tiles.audit_tile(files.audit),
        *tiles.postgres_tiles(shown.latest.served.seen, now=shown.now, limit_s=shown.stale_s),
    ]
    return words.strip(found)


def _feed_tiles(shown: Shown) -> list[Tile]:
    names = sorted(set(shown.live.feeds) | set(shown.latest.served.feeds))
    found = []
    for venue in names:
        feed = shown.live.feeds.get(venue, Feed())
        age = shown.old(feed.frame_seen) if feed.frame_seen else None
        found.append(
            tiles.feed_tile(
                venue,
                entry=feed.entry,
                cause=feed.cause,
                frame_age=age,
                quiet_s=shown.stale_s / 3,
                stale_s=shown.stale_s,
            )
        )
    return found or [Tile("Feeds", "no data", "no feed has told anything")]


def _trader_tile(shown: Shown) -> Tile:
    halted, trading = shown.latest.served.halted, shown.live.trading
    if halted:
        return Tile("Trader", "halted", halted, "bad")
    if trading.decision is None:
        return Tile("Trader", "no data", "no decision yet")
    behind = shown.live.clock_us / 1_000_000 - trading.decided_at / 1_000_000
    late = behind > _DECIDED_LIMIT_S
    reason = trading.decision.reasons.replace("_", " ")
    return Tile("Trader", trading.decision.action, reason, "warn" if late else "good")


def _account_chips(
    worth: Columns, profit: Columns, balances: dict[str, Decimal], base: str, quote: str
) -> list[str]:
    chips = [
        words.chip(quote, words.number(float(balances.get(quote, _ZERO))), colour=colours.EQUITY),
        words.chip(
            base, words.number(float(balances.get(base, _ZERO)), digits=6), colour=colours.EQUITY
        ),
    ]
    if worth["x"]:
        chips.append(
            words.chip(
                "buy and hold", words.number(worth["hold"][-1]), colour=colours.HOLD, dashed=True
            )
        )
    if profit["x"]:
        chips.append(
            words.chip(
                f"profit of {len(profit['x'])} trips",
                f"{words.number(profit['cumulative'][-1], digits=2)} {quote}",
                colour=colours.BUY,
            )
        )
    return chips
