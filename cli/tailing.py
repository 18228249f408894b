"""The verb tail: records of a Kafka topic, as they lie there."""

import json

import click

from cli.console import lines_option
from include.market.wire import TOPICS
from include.settings import from_environment


@click.command()
@click.argument("topic", type=click.Choice(TOPICS), metavar="TOPIC")
@lines_option(10, meaning="Records before the end.")
@click.option("--offset", type=int, help="Begin at this offset instead.")
@click.option("--partition", type=int, help="Of this partition alone.")
@click.option("-f", "--follow", is_flag=True, help="Go on with records as they come.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only records with this venue, symbol, kind or text, of the last 10,000; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Each record whole, a JSON object a line.")
def tail(
    topic: str,
    lines: int,
    offset: int | None,
    partition: int | None,
    follow: bool,
    filters: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the newest records of a Kafka TOPIC, with partition and offset.

    \b
      ./tickhouse tail market.trades -n 3
      ./tickhouse tail market.ledger --filter venue=binance --filter text=gap --json
      ./tickhouse tail market.signals --filter symbol=BTC-USD -f
    """  # noqa: D301 (click reads the \\b)
    from include.bus.record_browsing import (
        SEARCHED,
        Beginning,
        browse_records,
        describe_briefly,
        describe_record,
        parse_filter,
    )

    records = browse_records(
        from_environment().bootstrap,
        topic,
        Beginning(lines, offset, partition, searched=SEARCHED if filters else 0),
        record_filter=parse_filter(filters),
        follow=follow,
    )
    is_empty = True
    for record in records:
        text = json.dumps(describe_record(record)) if as_json else describe_briefly(record)
        click.echo(text)
        is_empty = False
    if is_empty and filters and offset is None:
        click.echo(f"none of the last {SEARCHED:,} records of a partition passes", err=True)
