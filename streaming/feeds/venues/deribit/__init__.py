"""Deribit: one connection for all instruments: books, trades, tickers; with a log-in if set."""

from include.market.venue_settings import DeribitSettings
from include.market.venues import DERIBIT
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.venues.deribit.decoder import DeribitDecoder, name_start
from streaming.feeds.venues.deribit.refill import refill
from streaming.feeds.venues.deribit.session import opening_requests

__all__ = ["refill", "stream_specs"]


def stream_specs(deribit: DeribitSettings, symbols: tuple[str, ...]) -> tuple[StreamSpec, ...]:
    """List the one connection that carries every channel of these symbols' instruments."""
    instruments = DERIBIT.symbols.symbols_by_spelling(symbols)
    suffixes = {"book": deribit.book, "trades": "100ms", "ticker": "100ms"}
    channels = tuple(
        f"{kind}.{name}.{suffix}" for name in instruments for kind, suffix in suffixes.items()
    )
    return (
        StreamSpec(
            venue=DERIBIT.name,
            symbols=symbols,
            url=f"{deribit.ws_url}/ws/api/v2",
            subscribe=opening_requests(
                channels,
                heartbeat_s=deribit.heartbeat_s,
                key=deribit.key.reveal(),
                secret=deribit.secret.reveal(),
            ),
            tape="deribit/mixed",
            decoder=lambda conn, last_ids: DeribitDecoder(
                instruments=instruments,
                conn=conn,
                last_ids=last_ids,
                channels=channels,
                bound=deribit.time_bound,
            ),
            name_start=name_start,
        ),
    )
