"""Call auctions: the price that each would give, minute by minute, and what it gave."""

from streaming.dashboard import colours
from streaming.dashboard.columns import Columns
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_plot
from streaming.dashboard.series import AuctionPrice, MarketSeries
from streaming.dashboard.view import Panel


def compute(context: PanelContext) -> Panel:
    """The auctions of the symbol at the first venue that holds any."""
    auctioned = [pair for pair in context.venues().items() if pair[1].auction_seen_s]
    venue, series = auctioned[0] if auctioned else ("", MarketSeries(0))
    prices = series.auctions.select(context.first_s, context.last_s)
    results = [(second, price) for second, price in prices if price.is_result]
    # auctions are rare: what they gave stays true while the feed lives
    freshness = context.venue_freshness(venue, series.auction_seen_s, limit_s=float("inf"))
    html = render_heading(
        f"Auctions {venue}".rstrip(),
        freshness=freshness if prices else "none",
        age_s=context.age_s(series.auction_seen_s),
        chips=_chips(results, context.symbol) if prices else [],
        waiting_for=f"waiting for an auction of {context.symbol}",
    )
    columns = {
        "auction_indicative": build_points([pair for pair in prices if not pair[1].is_result]),
        "auction_results": build_points(results),
    }
    return Panel(html, columns, freshness if prices else "none")


def build_points(auction_prices: list[tuple[int, AuctionPrice]]) -> Columns:
    """Columns x (ms), y: the price, and quantity in base units."""
    return {
        "x": [second * 1000.0 for second, _ in auction_prices],
        "y": [price.price for _, price in auction_prices],
        "quantity": [price.quantity for _, price in auction_prices],
    }


def _chips(results: list[tuple[int, AuctionPrice]], symbol: str) -> list[str]:
    base, _, quote = symbol.partition("-")
    chips = [render_chip("held", str(len(results)), colour=colours.INK)]
    if results:
        last = results[-1][1]
        quantity = f"{format_number(last.quantity, digits=4)} {base}"
        text = f"{quantity} at {format_number(last.price)} {quote}"
        chips.append(render_chip("the last one", text, colour=colours.BUY))
    return chips


def figure(sources: ChartSources) -> Chart:
    """Indicative prices as small rings, results as diamonds."""
    plot = create_plot(290, times=sources.times, label="price")
    labels = [("price", "@y{0,0.00}"), ("quantity", "@quantity{0,0.0000}")]
    names = ("x", "y", "quantity")
    indicative = plot.scatter(
        "x",
        "y",
        source=sources.create("auction_indicative", *names),
        size=6,
        line_color=colours.FORECAST,
        fill_alpha=0,
    )
    results = plot.scatter(
        "x",
        "y",
        source=sources.create("auction_results", *names),
        marker="diamond",
        size=13,
        color=colours.BUY,
    )
    for renderer, name in ((indicative, "indicative"), (results, "result")):
        add_hover(plot, renderer, [(name, ""), *labels], mode="mouse")
    return Chart([plot])
