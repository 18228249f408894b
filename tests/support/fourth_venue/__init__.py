"""A venue that the product does not know: one value, and one folder (`acme`)."""

from include.market.symbols import SymbolCodec
from include.market.venues import BookNumbers, HealedByRest, TradeNumbers, Venue

ACME = Venue(
    name="acme",
    title="Acme",
    trades=TradeNumbers.SEQUENCE,
    book=BookNumbers.PER_CONNECTION,
    healed_by_rest=HealedByRest.ALWAYS,
    book_has_time=False,
    symbols=SymbolCodec(
        to_venue=lambda symbol: symbol.replace("-", "/"),
        from_venue=lambda spelling: spelling.replace("/", "-"),
    ),
    websocket_url="wss://acme.test",
    rest_url="https://acme.test",
    default_symbols=("BTC-USD",),
    metrics_port=19419,
)
