"""The benchmark measures what it says: the same frames, every one decoded, ratios of the two."""

from dataclasses import asdict

from bench import feeds as bench
from include.market.events import Frame

AGG_TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1617566591315,"s":"BTCUSDT",'
    b'"a":%d,"p":"58001.03","q":"0.086205","f":745,"l":747,"T":1617566591314,"m":true,"M":true}}'
)


def test_a_rate_is_of_frames_that_were_decoded() -> None:
    frames = [Frame(AGG_TRADE % number, 5) for number in range(200)]
    assert bench._rate(frames, bench._binance, encode=True, rounds=1) > 1000


def test_a_figure_has_the_stable_form_and_its_ratio() -> None:
    assert asdict(bench.frame_rate("n", 300.4, "cryptofeed", 100.0)) == {
        "name": "n",
        "value": 300,
        "unit": "frames/s",
        "peer": "cryptofeed",
        "peer_value": 100,
        "ratio": 3.0,
    }
    assert bench.frame_rate("n", 1.0).ratio is None
