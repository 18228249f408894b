"""What the folder of each venue defines: its connections, and how past trades are asked for."""

from importlib import import_module
from types import ModuleType

from include.errors import SettingsError
from include.market.symbols import require_symbol
from include.market.venue_settings import Venues
from include.market.venues import VENUES, HealedByRest
from streaming.feeds import venues as folders
from streaming.feeds.refill import Refill
from streaming.feeds.stream_spec import StreamSpec


def stream_specs(
    venue: str, *, venues: Venues, symbols: tuple[str, ...] = ()
) -> tuple[StreamSpec, ...]:
    """List the connections of a venue for these symbols, or for those of the settings.

    Raises:
        SettingsError: the venue is not known, or a symbol malformed.
    """
    require_venue(venue)
    settings = venues.of(venue)
    followed = tuple(require_symbol(symbol) for symbol in symbols) or settings.symbols
    specs: tuple[StreamSpec, ...] = _import_folder(venue).stream_specs(settings, followed)
    return specs


def require_venue(venue: str) -> None:
    """Refuse what is no venue.

    Raises:
        SettingsError: the venue is not known.
    """
    if venue not in VENUES:
        raise SettingsError(f"venue {venue!r} is none of {', '.join(VENUES)}")


def refills(venues: Venues) -> dict[str, Refill]:
    """How past trades are asked for, by each venue whose REST heals holes."""
    return {
        name: _import_folder(name).refill(venues.of(name).rest_url)
        for name, venue in VENUES.items()
        if venue.healed_by_rest is not HealedByRest.NEVER
    }


def _import_folder(venue: str) -> ModuleType:
    return import_module(f"{folders.__name__}.{venue}")
