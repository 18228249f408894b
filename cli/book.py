"""The verb about the book at an instant."""

import json
from itertools import zip_longest
from typing import TYPE_CHECKING

import click

from cli.console import OUT, show_rows
from include.settings import from_environment

if TYPE_CHECKING:
    from decimal import Decimal

    from include.market.levels import BookAt, Level


@click.command("book")
@click.argument("venue")
@click.argument("symbol")
@click.option("--at", "moment", required=True, metavar="TIME", help="An ISO time, UTC.")
@click.option(
    "--depth", type=click.IntRange(min=1), default=10, show_default=True, help="Levels a side."
)
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
def show_book(venue: str, symbol: str, moment: str, depth: int, as_json: bool) -> None:
    """Show the order book of SYMBOL at an instant, as the feed had received it, from the lake.

    A moment without a book (a hole, a disconnect) is an error with its cause. Example:

    \b
      ./tickhouse book gemini BTC-USD --at 2026-11-20T12:00:05 --depth 5
    """  # noqa: D301 (click reads the \\b)
    from include.lake.as_of import parse_time
    from include.lake.book_at import book_at

    book = book_at(from_environment().lake, venue, symbol, parse_time(moment), depth=depth)
    if as_json:
        click.echo(json.dumps(_as_dict(book), indent=1))
        return
    levels = [
        (*_texts(bid, reverse=True), *_texts(ask)) for bid, ask in zip_longest(book.bids, book.asks)
    ]
    show_rows(("bid quantity", "bid", "ask", "ask quantity"), levels, form="table")
    OUT.print(
        f"spread {_text(book.spread)}, last message {book.received_at.isoformat()} on {book.conn}",
        highlight=False,
    )


def _as_dict(book: "BookAt") -> dict[str, object]:
    return {
        "venue": book.venue,
        "symbol": book.symbol,
        "at": book.at.isoformat(),
        "conn": book.conn,
        "received_at": book.received_at.isoformat(),
        "partition": book.partition,
        "offset": book.offset,
        "spread": None if book.spread is None else _text(book.spread),
        "bids": [_texts(level) for level in book.bids],
        "asks": [_texts(level) for level in book.asks],
    }


def _texts(level: "Level | None", *, reverse: bool = False) -> list[str]:
    """A level's price and quantity (or the other way round) as text; empty without a level."""
    texts = ["", ""] if level is None else [_text(number) for number in level]
    return texts[::-1] if reverse else texts


def _text(amount: "Decimal | None") -> str:
    """A number without the zeros that its column adds."""
    return "none" if amount is None else format(amount.normalize(), "f")
