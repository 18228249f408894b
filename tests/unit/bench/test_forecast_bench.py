"""`bench forecast` reads minutes of any edition, and compares the two fits of the same ones."""

import gzip
import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from bench.bars import closes_of
from bench.forecast import measure, minutes_of
from cli.benching import bench
from include.errors import HistoryError
from include.settings import ROOT
from tests.support.absences import describe_absence

AT = 1_517_443_200  # 2018-02-01 00:00 UTC
REAL = ROOT.parent / "shared" / "data" / "bars"
BITFINEX = REAL / "bitfinex_btcusd_1m_2018-02-01_2018-04-30.csv.gz"
EIGHT = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price\n"
NAN = ",".join(["NaN"] * 7)
EDITIONS = {
    "six columns, a minute of no volume": "Timestamp,Open,High,Low,Close,Volume\n"
    f"{AT}.0,1,3,1,2,5\n{AT + 60}.0,2,2,2,2,0\n{AT + 120}.0,2,4,2,3,5\n",
    "eight columns, a minute of NaN": f"{EIGHT}{AT},1,3,1,2,5,10,2\n{AT + 60},{NAN}\n"
    f"{AT + 120},2,4,2,3,5,15,3\n",
    "eight columns, a row repeated": f"{EIGHT}{AT},1,3,1,2,5,10,2\n{AT + 60},1,3,1,2,5,10,2\n"
    f"{AT + 120},2,4,2,3,5,15,3\n",
    "Bitfinex: ms, close before high, newest first": f"{AT + 120}000,2,3,4,2,5\n"
    f"{AT}000,1,2,3,1,5\n",
}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("packed", ["csv", "csv.gz", "zip"])
def test_the_minutes_with_a_trade_are_read_of_every_edition(
    edition: str, packed: str, tmp_path: Path
) -> None:
    file = tmp_path / f"bars.{packed}"
    if packed == "zip":
        with zipfile.ZipFile(file, "w") as zipped:
            zipped.writestr("bars.csv", EDITIONS[edition])
    else:
        opened = gzip.open if packed == "csv.gz" else open
        with opened(file, "wt") as text:
            text.write(EDITIONS[edition])
    found = closes_of(file)
    assert [str(at) for at in found["ds"]] == ["2018-02-01 00:00:00", "2018-02-01 00:02:00"]
    assert found["close"].tolist() == [2.0, 3.0]
    assert found["ds"].dtype == "datetime64[ns]"


def test_a_file_that_is_missing_or_no_bars_is_named(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"nowhere\.csv does not exist"):
        closes_of(tmp_path / "nowhere.csv")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(EDITIONS["six columns, a minute of no volume"] + "x,1,2,3\n")
    with pytest.raises(HistoryError, match=r"wrong\.csv cannot be read"):
        closes_of(wrong)
    outcome = CliRunner().invoke(bench, ["forecast", "--bars", str(tmp_path / "nowhere.csv")])
    assert outcome.exit_code != 0
    assert "nowhere.csv' does not exist" in outcome.output


def test_both_fits_are_of_the_minutes_of_the_file(tmp_path: Path) -> None:
    frame = minutes_of(400)
    stamps = frame["ds"].astype("int64") // 10**9
    lines = [f"{at},{x},{x},{x},{x},1" for at, x in zip(stamps, frame["close"], strict=True)]
    file = tmp_path / "bars.csv"
    file.write_text("Timestamp,Open,High,Low,Close,Volume\n" + "\n".join(lines) + "\n")
    pd.testing.assert_frame_equal(closes_of(file), frame, rtol=1e-12)
    outcome = CliRunner().invoke(bench, ["forecast", "--json", "--bars", str(file)])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert [row["name"] for row in found] == [
        "fit of 400 real minutes",
        "log posterior of 400 real minutes",
    ]
    assert found[0]["ratio"] == pytest.approx(found[0]["peer_value"] / found[0]["value"])
    assert found[1]["value"] >= found[1]["peer_value"] - 1e-6 * abs(found[1]["peer_value"])
    generated = list(measure((400,), (), print_line=lambda _: None))
    assert generated[1].value == pytest.approx(found[1]["value"], rel=1e-9)


@pytest.mark.skipif(
    not BITFINEX.exists(),
    reason=describe_absence(
        "the minute bars of Bitfinex are not on this machine",
        command=f"cp BARS ../shared/data/bars/{BITFINEX.name}",
    ),
)
def test_the_real_minutes_are_as_many_as_their_collector_counted() -> None:
    found = closes_of(BITFINEX)
    assert (len(found), str(found["ds"].iloc[0])) == (127_888, "2018-02-01 00:00:00")
    assert str(found["ds"].iloc[-1]) == "2018-04-30 23:59:00"
