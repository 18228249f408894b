"""Acme: one connection for all symbols."""

from streaming.feeds.venues.acme.decoder import AcmeDecoder  # type: ignore[import-not-found]

from include.market.venue_settings import VenueSettings
from streaming.feeds.refill import Refill
from streaming.feeds.stream_spec import StreamSpec
from tests.support.fourth_venue import ACME


def stream_specs(settings: VenueSettings, symbols: tuple[str, ...]) -> tuple[StreamSpec, ...]:
    names = " ".join(ACME.symbols.symbols_by_spelling(symbols))
    return (
        StreamSpec(
            venue=ACME.name,
            symbols=symbols,
            url=f"{settings.ws_url}/stream",
            subscribe=(f"subscribe {names}",),
            tape="acme/mixed",
            decoder=lambda conn, last_ids: AcmeDecoder(conn=conn, last_ids=last_ids),
        ),
    )


def refill(rest_url: str) -> Refill:
    return Refill(
        ACME,
        per_minute=60_000,
        url=lambda symbol, first, last: f"{rest_url}/trades/{symbol}/{first}-{last}",
        frames=lambda body, _symbol: body.split(b"\n"),
        decoder=lambda _symbol, conn: AcmeDecoder(conn=conn, last_ids={}),
    )
