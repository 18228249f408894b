"""Value of the account beside buy-and-hold, and the cumulative profit of its trips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

from include.market.events import Fill, Score
from include.market.numerals import ZERO
from include.market.time import SECOND_US
from include.settings.groups import TraderSettings
from streaming.dashboard import colours
from streaming.dashboard.columns import Columns, Points
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.trader_activity import DatedFact, TraderActivity
from streaming.dashboard.view import Panel

_TRIPS_LISTED = 5
_ACCOUNT_HEADS = ("account", "trades", "holds", "profit", "state")
_NO_TRIP = '<p class="none">No trip is finished yet: a trip is a buy and the sale after it.</p>'


def compute(context: PanelContext) -> Panel:
    """The account that trades the symbol, at its venue's prices; the first one, if none does."""
    trader, activity = context.account, context.activity
    quote = trader.symbol.partition("-")[2]
    series = context.state.series.get((trader.venue, trader.symbol))
    points = series.prices.select(context.first_s, context.last_s) if series else []
    last_of_step = {second // context.step_s: (second, price) for second, price in points}
    fills, scores = activity.in_order("fills"), activity.in_order("scores")
    holdings = _holdings_now(context, fills)
    equity = build_equity(holdings, list(last_of_step.values()), fills=fills)
    profit = build_profit(scores, first_s=context.first_s, last_s=context.last_s)
    seen_s = series.price_seen_s if series and holdings else 0.0
    freshness = context.venue_freshness(trader.venue, seen_s)
    has_value = equity["x"] and freshness == "live"
    html = render_heading(
        "Account beside buy and hold",
        freshness=freshness,
        age_s=context.age_s(seen_s),
        chips=_chips(context, equity, profit) if holdings else [],
        value=f"{format_number(equity['equity'][-1])} {quote}" if has_value else "",
        waiting_for="the trader has reported no balance yet",
    ) + render_trips(scores, currency=quote)
    html += render_accounts(context)
    return Panel(html, {"worth": equity, "profit": profit}, freshness)


@dataclass(frozen=True)
class Holding:
    """Quote and base units held from `second` (market time) on."""

    second: int
    quote: Decimal
    base: Decimal


def _holdings_now(context: PanelContext, fills: Sequence[DatedFact]) -> list[Holding]:
    base, _, quote = context.account.symbol.partition("-")
    balances = context.activity.balances
    if quote not in balances:
        return []
    return find_holdings(fills, quote_now=balances[quote], base_now=balances.get(base, ZERO))


def find_holdings(
    fills: Sequence[DatedFact], *, quote_now: Decimal, base_now: Decimal
) -> list[Holding]:
    """What was held before the first fill (second 0) and after each, from what is held now."""
    holdings: list[Holding] = []
    quote, base = quote_now, base_now
    for dated in reversed(fills):
        fill = dated.fact
        assert isinstance(fill, Fill)
        holdings.append(Holding(dated.at_us // SECOND_US, quote, base))
        signum = 1 if fill.side == "buy" else -1
        quote += signum * fill.price * fill.quantity + fill.fee
        base -= signum * fill.quantity - (fill.base_fee or ZERO)
    holdings.append(Holding(0, quote, base))
    return holdings[::-1]


def build_equity(
    holdings: Sequence[Holding], prices: Points, *, fills: Sequence[DatedFact]
) -> Columns:
    """Columns x (ms), equity, hold in quote units at each price.

    `hold` is the first holding turned into base at the first fill's price without a fee (the first
    price in `prices`, if there is no fill yet) and kept.
    """
    columns: Columns = {"x": [], "equity": [], "hold": []}
    if not prices or not holdings:
        return columns
    first_fill = fills[0].fact if fills else None
    start_price = float(first_fill.price) if isinstance(first_fill, Fill) else prices[0][1]
    units = float(holdings[0].quote) / start_price + float(holdings[0].base)
    index = 0
    for second, price in prices:
        while index + 1 < len(holdings) and holdings[index + 1].second <= second:
            index += 1
        columns["x"].append(second * 1000.0)
        columns["equity"].append(float(holdings[index].quote) + float(holdings[index].base) * price)
        columns["hold"].append(units * price)
    return columns


def build_profit(scores: Sequence[DatedFact], *, first_s: int, last_s: int) -> Columns:
    """Columns x (ms), profit of each trip and cumulative profit; earlier trips at `first_s`."""
    columns: Columns = {"x": [], "profit": [], "cumulative": []}
    for dated in scores:
        score = dated.fact
        assert isinstance(score, Score)
        if dated.at_us // SECOND_US <= last_s:
            second = max(first_s, dated.at_us // SECOND_US)
            columns["x"].append(second * 1000.0)
            columns["profit"].append(float(score.profit))
            columns["cumulative"].append(float(score.cumulative_profit))
    return columns


def _chips(context: PanelContext, equity: Columns, profit: Columns) -> list[str]:
    base, _, quote = context.account.symbol.partition("-")
    balances = context.activity.balances
    in_quote = format_number(float(balances.get(quote, ZERO)))
    in_base = format_number(float(balances.get(base, ZERO)), digits=6)
    chips = [
        render_chip(quote, in_quote, colour=colours.EQUITY),
        render_chip(base, in_base, colour=colours.EQUITY),
    ]
    if equity["x"]:
        hold = format_number(equity["hold"][-1])
        chips.append(render_chip("buy and hold", hold, colour=colours.HOLD, dashed=True))
    if profit["x"]:
        total = f"{format_number(profit['cumulative'][-1], digits=2)} {quote}"
        chips.append(render_chip(f"profit of {len(profit['x'])} trips", total, colour=colours.BUY))
    return chips


def render_trips(scores: Sequence[DatedFact], *, currency: str) -> str:
    """The last trips as a table: sold when, bought and sold at, profit; all so far, and holding."""
    rows = [_trip_row(dated) for dated in list(scores)[: -_TRIPS_LISTED - 1 : -1]]
    if not rows:
        return _NO_TRIP
    names = ("sold", "bought at", "sold at", f"profit {currency}", "of all trips", "buy and hold")
    heads = "".join(f"<th>{name}</th>" for name in names)
    table = f'<table class="trips"><tr>{heads}</tr>{"".join(rows)}</table>'
    return f'<div class="sideways">{table}</div>'


def render_accounts(context: PanelContext) -> str:
    """All accounts as a table, where the trader has several."""
    accounts = [of.trader for of in context.settings.trader_accounts().values()]
    if len(accounts) == 1:
        return ""
    heads = "".join(f"<th>{name}</th>" for name in _ACCOUNT_HEADS)
    state_by_name = {state.name: state.state for state in context.account_states}
    rows = "".join(
        _account_row(trader, context.state.activity_of(trader.account), state_by_name)
        for trader in accounts
    )
    return f'<table class="trips accounts"><tr>{heads}</tr>{rows}</table>'


def _account_row(
    trader: TraderSettings, activity: TraderActivity, state_by_name: Mapping[str, str]
) -> str:
    base, _, quote = trader.symbol.partition("-")
    holds = ", ".join(
        f"{format_number(float(activity.balances.get(currency, ZERO)), digits=6)} {currency}"
        for currency in (quote, base)
    )
    scores = [dated.fact for dated in activity.in_order("scores")]
    profit = scores[-1].cumulative_profit if scores and isinstance(scores[-1], Score) else ZERO
    rule = escape(trader.rule.rpartition("/")[2])
    cells = (
        trader.account,
        f"{trader.symbol} at {trader.venue} by {rule}",
        holds,
        f"{format_number(float(profit), digits=2)} {quote}",
        state_by_name[trader.account],
    )
    pairs = zip(_ACCOUNT_HEADS, cells, strict=True)
    row = "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in pairs)
    return f"<tr>{row}</tr>"


def _trip_row(dated: DatedFact) -> str:
    score = dated.fact
    assert isinstance(score, Score)
    sold_at = datetime.fromtimestamp(dated.at_us / SECOND_US, UTC)
    hold = score.hold_profit
    hold_text = "\N{EN DASH}" if hold is None else format_number(float(hold), digits=2)
    return (
        f"<tr><td>{sold_at:%H:%M}</td><td>{format_number(float(score.buy_price))}</td>"
        f"<td>{format_number(float(score.sell_price))}</td>"
        f'<td class="{"up" if score.profit > 0 else "down"}">'
        f"{format_number(float(score.profit), digits=2)}</td>"
        f"<td>{format_number(float(score.cumulative_profit), digits=2)}</td>"
        f"<td>{hold_text}</td></tr>"
    )


def figure(sources: ChartSources) -> Chart:
    """The account's value above, the profit of its trips below."""
    values = sources.create("worth", "x", "equity", "hold")
    top = create_plot(170, times=sources.times, label="worth")
    hold = top.line(
        "x", "hold", source=values, line_color=colours.HOLD, line_dash=[5, 4], line_width=1.6
    )
    equity = top.line("x", "equity", source=values, line_color=colours.EQUITY, line_width=2)
    add_hover(top, equity, [("account", "@equity{0,0.00}"), ("buy and hold", "@hold{0,0.00}")])
    top.y_range.renderers = [equity, hold]
    trips = sources.create("profit", "x", "profit", "cumulative")
    bottom = create_plot(120, times=sources.times, label="profit")
    bottom.add_layout(create_level(0))
    steps = bottom.step(
        "x", "cumulative", source=trips, mode="after", line_color=colours.BUY, line_width=1.6
    )
    dots = bottom.scatter("x", "cumulative", source=trips, size=6, color=colours.BUY)
    add_hover(bottom, dots, [("trip", "@profit{+0,0.00}"), ("together", "@cumulative{+0,0.00}")])
    bottom.y_range.renderers = [steps, dots]
    return Chart([top, bottom])
