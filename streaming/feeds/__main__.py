"""`python -m streaming.feeds VENUE`: follow a venue into Kafka until SIGTERM."""

import asyncio
from pathlib import Path

import click

from include.errors import SettingsError
from include.local.feed_files import FeedFiles
from include.log import event
from include.market.feed_entries import QUOTES
from include.market.feed_shards import FeedShard, parse_shard
from include.market.venues import VENUES
from include.process import run_async_process
from include.settings import Settings
from streaming.feeds.feed_process import FeedProcess
from streaming.feeds.feed_publisher import log
from streaming.feeds.registry import require_venue
from streaming.feeds.tape import Tapes


def _parse_share(_context: click.Context, _option: click.Parameter, share: str) -> str:
    try:
        parse_shard("", share)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return share


@click.command(
    help=f"Follow VENUE ({', '.join(VENUES)}, or {QUOTES}: the polled suppliers) into Kafka."
)
@click.argument("venue")
@click.option("--symbols", default="", help="BASE-QUOTE,… instead of those of the settings")
@click.option(
    "--shard",
    "share",
    default="",
    callback=_parse_share,
    help="NUMBER/COUNT: every COUNT-th symbol from the NUMBER-th on; all if not given",
)
@click.option(
    "--record", "tape_folder", type=click.Path(path_type=Path), help="folder to record tapes into"
)
@click.option(
    "--bridge", "is_bridge", is_flag=True, help="publish while the feed of the same name restarts"
)
def main(
    venue: str, symbols: str, share: str, tape_folder: Path | None, *, is_bridge: bool
) -> None:
    """Follow one venue, or the suppliers, until SIGTERM."""
    followed = tuple(part.strip() for part in symbols.split(",") if part.strip())
    shard = parse_shard(venue, share)
    run_async_process(
        shard.program,
        lambda settings, stop: follow_alone(
            shard,
            settings,
            followed,
            tape_folder=tape_folder,
            stop=stop,
            is_bridge=is_bridge,
        ),
    )


async def follow_alone(
    shard: FeedShard,
    settings: Settings,
    symbols: tuple[str, ...],
    *,
    tape_folder: Path | None,
    stop: asyncio.Event,
    is_bridge: bool = False,
) -> None:
    """Follow a shard of a venue, or the suppliers, until `stop`.

    Raises:
        PlatformError: another process of this world does: both would write its spool and last ids.
    """
    process = FeedProcess(
        files=FeedFiles(settings.home / "feeds", shard),
        settings=settings,
        symbols=_choose_symbols(shard, settings, symbols),
        tapes=Tapes(tape_folder) if tape_folder else None,
        stop=stop,
        is_bridge=is_bridge,
    )
    await process.run()


def _choose_symbols(
    shard: FeedShard, settings: Settings, symbols: tuple[str, ...]
) -> tuple[str, ...]:
    """The symbols that this process follows."""
    if shard.venue == QUOTES:
        return symbols or settings.venues.quote_symbols
    require_venue(shard.venue)
    configured = settings.venues.of(shard.venue)
    if configured.shards != shard.count:
        setting = f"TICKHOUSE_VENUES_{shard.venue.upper()}_SHARDS"
        log.warning(event("shards differ", setting=setting, set=configured.shards, run=shard.count))
    followed = shard.choose(symbols or configured.symbols)
    if not followed:
        raise SettingsError(f"{shard.program} has no symbol to follow")
    return followed


if __name__ == "__main__":
    main()
