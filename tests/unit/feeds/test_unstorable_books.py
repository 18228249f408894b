"""Books whose prices do not fit the columns: given up, and the trades beside them kept."""

from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from tests.support.venue_frames import decode, v1_update

TRADE = {"type": "trade", "price": "100", "amount": "1", "makerSide": "ask"}
FINE = {"type": "change", "side": "bid", "price": "0.000012345", "delta": "1", "remaining": "1"}


def test_a_v1_snapshot_that_does_not_fit_is_not_followed_by_another_and_trades_are_kept() -> None:
    one = GeminiV1Decoder(symbol="BTC-USD", conn="c")
    snapshot = v1_update(FINE | {"reason": "initial"}, seq=0, event_id=1, ms=None)
    first = decode(one, snapshot)
    assert [rejection.reason for rejection in first.rejected] == ["too_fine"]
    place = FINE | {"reason": "place"}
    later = [
        decode(one, v1_update(TRADE | {"tid": seq + 9}, place, seq=seq, event_id=seq + 9))
        for seq in (1, 2)
    ]
    assert [(frame.resync, len(frame.rejected)) for frame in later] == [(False, 1)] * 2
    messages = [message for frame in (first, *later) for message in frame.messages]
    assert [message.top for message in messages] == [None] * 5
    assert [event.trade_id for m in messages for event in m.events] == ["10", "11"]
