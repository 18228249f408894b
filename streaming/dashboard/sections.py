"""The panels of the market: price, book, flow and liquidity ratio."""

import math
from collections.abc import Mapping

from include.market.average import across, moving_average
from streaming.dashboard import colours
from streaming.dashboard.live import Series
from streaming.dashboard.panels import ages, books, flows, money, prices, words
from streaming.dashboard.panels.axis import beyond, limits
from streaming.dashboard.panels.prices import Columns
from streaming.dashboard.served import ForecastPoint
from streaming.dashboard.shown import Section, Shown, currency

_LEAST_RATIO = 0.001
EMPTY: Columns = {"x": [], "y": []}
_INVALID = words.chip("book", "invalid until its next snapshot", colour=colours.STALE)


def price(shown: Shown) -> Section:
    """Price of each venue, their moving average, forecast with bounds, orders."""
    venues = {name: s for name, s in shown.venues().items() if s.price_seen}
    forecast = _forecast_points(shown)
    columns, mean = _price_lines(shown, venues)
    soon = shown.latest.served.soon.get(shown.symbol, ())
    columns |= {
        "forecast": _forecast(forecast),
        **_orders(shown),
        "soon": _forecast([p for p in soon if shown.first <= p.second <= shown.end]),
    }
    states = {name: shown.venue_status(name, s.price_seen) for name, s in venues.items()}
    state = ages.best(states.values())
    fresh = {name: (0, s.price) for name, s in venues.items() if s.price and states[name] == "live"}
    now, axis = across(fresh, at=0, stale_s=0), limits(columns)
    html = words.head(
        f"Price {shown.symbol}",
        state=state,
        old=shown.old(max((s.price_seen for s in venues.values()), default=0.0)),
        value=f"{words.number(now.price)} {currency(shown.symbol)}" if now.price else "",
        chips=_price_chips(shown, venues, mean, forecast, now.left_out)
        + _off_the_chart(columns, axis),
        waiting=f"waiting for a trade or ticker of {shown.symbol}",
    )
    return Section(columns, html=html, state=state, limits=axis)


def book(shown: Shown) -> Section:
    """Best bid and ask of the main venue's book; mid price and imbalance as the stream told."""
    name, series = shown.main_venue() or ("", Series(0))
    tops = series.tops.between(shown.first, shown.last)
    invalid = bool(tops) and tops[-1][1] is None
    columns = books.lines(
        tops,
        series.mids.between(shown.first, shown.last),
        series.imbalances.between(shown.first, shown.last),
        step_s=shown.step_s,
    )
    behind = series.book_seen - series.measure_seen > shown.stale_s
    limit_s = shown.stale_s if behind else None
    state = shown.venue_status(name, series.measure_seen, limit_s=limit_s)
    last = {name: prices.latest(values) for name, values in columns.items()}
    mid = last["mid"] if state == "live" and not invalid else None
    html = words.head(
        f"Mid price and imbalance {name}",
        state=state,
        old=shown.old(series.measure_seen),
        value=f"{words.number(mid)} {currency(shown.symbol)}" if mid else "",
        chips=_book_chips(last, name) if mid else [_INVALID] if invalid else [],
        waiting=f"the stream has measured no order book of {shown.symbol} yet",
    )
    return Section({"book": columns}, html=html, state=state)


def flow(shown: Shown) -> Section:
    """Trades and volume per minute, buys above and sells below the line."""
    venues = shown.venues()
    columns = flows.bars(
        [series.minutes.flows for series in venues.values()],
        first=shown.first // 60 + 1,
        last=shown.last // 60,
    )
    seen = max((series.trade_seen for series in venues.values()), default=0.0)
    base = shown.symbol.partition("-")[0]
    state = ages.best(
        shown.venue_status(name, series.trade_seen, limit_s=math.inf)
        for name, series in venues.items()
    )
    chips = (
        [
            words.chip(f"{side} ({label})", _volume(columns, side, base), colour=colour)
            for side, label, colour in (
                ("buy", "above", colours.BUY),
                ("sell", "below", colours.SELL),
            )
        ]
        if columns["x"]
        else []
    )
    html = words.head(
        "Trades and volume a minute",
        state=state,
        old=shown.old(seen),
        chips=chips,
        waiting=f"waiting for a trade of {shown.symbol}",
    )
    return Section({"flow": columns}, html=html, state=state)


def ratio(shown: Shown) -> Section:
    """The liquidity ratio that the trader acts on, a point a window."""
    _, series = shown.main_venue() or ("", Series(0))
    points = series.ratios.between(shown.first, shown.end)
    stream, trader = shown.settings.stream, shown.settings.trader
    limit_s = stream.window_s + stream.watermark_s + shown.stale_s
    state = shown.status(series.signal_seen, limit_s=limit_s)
    value = words.number(points[-1][1], digits=3) if points and state == "live" else ""
    chips = [
        words.chip(
            "may buy between", f"{trader.ratio_low} and {trader.ratio_high}", colour=colours.BUY
        )
    ]
    html = words.head(
        "Liquidity ratio, ask ÷ bid",
        state=state,
        old=shown.old(series.signal_seen),
        value=value,
        chips=chips,
        waiting=f"the stream tells one a minute, none yet of {shown.symbol}",
    )
    columns = {"x": [second * 1000.0 for second, _ in points], "y": [y for _, y in points]}
    levels = [y for _, y in points] + [float(trader.ratio_low), float(trader.ratio_high)]
    limits = (max(min(levels), _LEAST_RATIO) / 1.5, max(levels) * 1.5)
    return Section({"ratio": columns}, html=html, state=state, limits=limits)


def _price_lines(
    shown: Shown, venues: dict[str, Series]
) -> tuple[dict[str, Columns], float | None]:
    """The lines of the venues and of their average, and the average now."""
    dashboard = shown.settings.dashboard
    early = shown.first - dashboard.average_s - int(dashboard.quiet_s) - 1
    points = {name: s.prices.between(early, shown.last) for name, s in venues.items()}
    gap_s = max(dashboard.quiet_s, shown.step_s)
    columns = {f"price_{name}": EMPTY for name in colours.VENUES}
    for name in points.keys() & colours.VENUES.keys():
        inside = [point for point in points[name] if point[0] >= shown.first]
        columns[f"price_{name}"] = prices.line(inside, step_s=shown.step_s, gap_s=gap_s)
    mean = moving_average(
        points,
        first=shown.first,
        last=shown.last,
        stale_s=dashboard.quiet_s,
        average_s=dashboard.average_s,
    )
    columns["average"] = prices.line(mean, step_s=shown.step_s, gap_s=shown.step_s * 3)
    return columns, mean[-1][1] if mean and mean[-1][0] == shown.last else None


def _orders(shown: Shown) -> dict[str, Columns]:
    traded = shown.symbol == shown.settings.trader.symbol
    orders = shown.live.trading.in_order("orders") if traded else []
    return {
        f"orders_{side}": money.markers(orders, side, first=shown.first, last=shown.end)
        for side in ("buy", "sell")
    }


def _forecast_points(shown: Shown) -> list[ForecastPoint]:
    if shown.symbol != shown.settings.forecast.symbol:
        return []
    points = shown.latest.served.short
    return [point for point in points if shown.first <= point.second <= shown.end]


def _forecast(points: list[ForecastPoint]) -> Columns:
    return {
        "x": [point.second * 1000.0 for point in points],
        "yhat": [point.yhat for point in points],
        "lower": [point.lower for point in points],
        "upper": [point.upper for point in points],
    }


def _price_chips(
    shown: Shown,
    venues: dict[str, Series],
    mean: float | None,
    forecast: list[ForecastPoint],
    left_out: Mapping[str, str],
) -> list[str]:
    outs = {
        name: ages.age(shown.old(series.price_seen))
        for name, series in venues.items()
        if shown.venue_status(name, series.price_seen) != "live"
    } | dict(left_out)
    chips = [
        words.chip(
            name,
            words.number(series.price or 0),
            colour=colours.of_venue(name),
            out=outs.get(name, ""),
        )
        for name, series in venues.items()
    ]
    if mean is not None:
        seconds = shown.settings.dashboard.average_s
        label = f"average of suppliers, {seconds} s"
        chips.append(words.chip(label, words.number(mean), colour=colours.AVERAGE))
    ahead = next((point for point in forecast if point.second > shown.last), None)
    if ahead:
        off = f" ({(ahead.yhat / mean - 1) * 100:+.2f} %)" if mean else ""
        silent = ages.age(shown.old(shown.latest.served.seen))
        chips.append(
            words.chip(
                "forecast, next minute",
                words.number(ahead.yhat) + off,
                colour=colours.FORECAST,
                dashed=True,
                out=silent if shown.served_status() != "live" else "",
            )
        )
    return chips


def _book_chips(last: Mapping[str, float | None], venue: str) -> list[str]:
    bid, ask, tilt, found = last["bid"], last["ask"], last["imbalance"], []
    if bid is not None and ask is not None:
        spread = words.number(ask - bid, digits=words.digits_of(bid))
        found.append(words.chip("spread", spread, colour=colours.of_venue(venue)))
    if tilt is not None:
        found.append(words.chip("imbalance", f"{tilt:+.2f}", colour=colours.INK))
    return found


def _off_the_chart(columns: Mapping[str, Columns], axis: tuple[float, float] | None) -> list[str]:
    """What to say of bounds that the axis leaves out."""
    band = columns["forecast"]
    if not beyond(band, axis):
        return []
    span = f"{words.number(min(band['lower']))} to {words.number(max(band['upper']))}"
    return [words.chip("its bounds leave the chart", span, colour=colours.FORECAST, dashed=True)]


def _volume(columns: Columns, side: str, base: str) -> str:
    count, volume = columns[f"{side}s"][-1], columns[f"{side}_base"][-1]
    return f"{count:.0f} · {words.number(volume, digits=4)} {base} this minute"
