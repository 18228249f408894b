"""The edition of an archive is told from its first lines, or the fault is named."""

import gzip
import zipfile
from pathlib import Path

import pytest

from include.errors import HistoryError, Unreachable
from include.lake import archive
from include.lake.csv_editions import CLOSE_FIRST, EIGHT, SIX, recognise, unit_us
from include.settings import load
from tests.conftest import make_settings

SIX_HEADER = "Timestamp,Open,High,Low,Close,Volume"
EIGHT_HEADER = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price"


def test_the_six_column_edition_is_read_by_its_header() -> None:
    edition = recognise([SIX_HEADER + "\n", "1325412060.0,4.58,4.58,4.58,4.58,0.0\n"])
    assert (edition.source, edition.columns, edition.unit_us) == ("kaggle", SIX, 1_000_000)
    assert edition.header == SIX_HEADER
    assert not edition.repeats_are_silence


def test_nan_rows_mean_that_a_repeated_row_is_a_real_one() -> None:
    edition = recognise(
        [EIGHT_HEADER, "60,NaN,NaN,NaN,NaN,NaN,NaN,NaN", "120,5,5,5,5,1,5,5", "180,5,5,5,5,1,5,5"]
    )
    assert edition.columns == EIGHT
    assert not edition.repeats_are_silence


def test_the_2017_edition_is_told_by_its_repeated_rows() -> None:
    edition = recognise([EIGHT_HEADER, "60,5,5,5,5,1,5,5", "120,5,5,5,5,1,5,5"])
    assert edition.repeats_are_silence


def test_eight_columns_without_a_header_are_the_nan_edition() -> None:
    edition = recognise(["1325880600,NaN,NaN,NaN,NaN,NaN,NaN,NaN"])
    assert (edition.source, edition.columns, edition.header) == ("kaggle", EIGHT, None)


def test_bitfinex_bars_have_the_close_before_the_high() -> None:
    edition = recognise(["1517443200000,10268,10264,10280,10258,26.8"])
    assert (edition.source, edition.columns, edition.unit_us) == ("bitfinex", CLOSE_FIRST, 1_000)


def test_six_columns_without_header_in_kaggle_order_are_not_taken_for_bitfinex() -> None:
    # open 10, high 12, low 9, close 11: as open, close, high, low it would contradict itself
    assert recognise(["1517443200,10,12,9,11,1"]).columns == SIX


def test_a_byte_order_mark_and_the_order_of_columns_do_not_matter() -> None:
    edition = recognise(["\ufeffTimestamp,Close,Open,High,Low,Volume", "60,1,1,1,1,1"])
    assert edition.columns == ("time", "close", "open", "high", "low", "base_volume")


@pytest.mark.parametrize(
    ("time", "unit"),
    [
        (1_325_412_060, 1_000_000),
        (99_999_999_999, 1_000_000),
        (1_325_412_060_000, 1_000),
        (100_000_000_000, 1_000),
        (1_325_412_060_000_000, 1),
    ],
)
def test_the_unit_of_a_time_is_told_by_its_magnitude(time: int, unit: int) -> None:
    assert unit_us(time) == unit


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([], "empty"),
        (["\n", " "], "empty"),
        ([SIX_HEADER], "no rows"),
        (["Timestamp,Open,High,Low,Close,Turnover", "1,1,1,1,1,1"], "Turnover"),
        (["Timestamp,Open,High,Low,Volume", "1,1,1,1,1"], "close"),
        (["1,2,3"], "not 3"),
        (["1e20,1,1,1,1,1"], "1e\\+20"),
        ([SIX_HEADER, "soon,1,1,1,1,1"], "readable time"),
    ],
)
def test_what_is_no_archive_is_refused_by_name(lines: list[str], named: str) -> None:
    with pytest.raises(HistoryError, match=named):
        recognise(lines)


def test_a_zipped_archive_is_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "btc.csv.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("btc.csv", SIX_HEADER)
    assert (
        archive.fetch_archive(str(packed), make_settings(tmp_path / "in")).read_text() == SIX_HEADER
    )


def test_the_first_lines_of_a_gzipped_file_are_those_of_the_file(tmp_path: Path) -> None:
    lines = [f"{SIX_HEADER}\n", *(f"{60 * n},1,1,1,1,1\n" for n in range(1500))]
    plain, packed = tmp_path / "bars.csv", tmp_path / "bars.csv.gz"
    plain.write_text("".join(lines))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert archive.first_lines(plain) == archive.first_lines(packed) == lines[:1000]


def test_the_archive_is_the_one_that_is_set_else_the_simulators() -> None:
    simulator = {"TICKHOUSE_WORLD": "sim", "TICKHOUSE_SIMULATOR_URL": "http://127.0.0.1:1"}
    chosen = {"TICKHOUSE_FORECAST_HISTORY": "kaggle:some/thing"}
    assert archive.default_source(load({**simulator, **chosen})) == "kaggle:some/thing"
    url = "http://127.0.0.1:1/kaggle/btcusd_1-min_data.csv"
    assert archive.default_source(load(simulator)) == url
    for world in ("cluster", "restored"):
        assert archive.default_source(load({**simulator, "TICKHOUSE_WORLD": world})) == url
    tape = {"TICKHOUSE_WORLD": "day", "TICKHOUSE_SIMULATOR_TAPE": "tapes/day"}
    for market in ({"TICKHOUSE_WORLD": "live"}, tape):
        with pytest.raises(HistoryError, match="no history is set"):
            archive.default_source(load(market))


def test_a_truncated_zip_and_a_truncated_gzip_are_history_errors(tmp_path: Path) -> None:
    packed = tmp_path / "btc.csv.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("btc.csv", SIX_HEADER * 1000)
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(HistoryError, match="broken zip"):
        archive.fetch_archive(str(packed), make_settings(tmp_path / "in"))
    cut = tmp_path / "bars.csv.gz"
    cut.write_bytes(gzip.compress(f"{SIX_HEADER}\n".encode() * 1000)[:40])
    with pytest.raises(HistoryError, match=r"bars\.csv\.gz"):
        archive.first_lines(cut)


def test_a_missing_file_and_a_dead_address_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="does not exist"):
        archive.fetch_archive(str(tmp_path / "none.csv"), make_settings(tmp_path))
    with pytest.raises(Unreachable):
        archive.fetch_archive("http://127.0.0.1:1/btc.csv", make_settings(tmp_path))


def test_blank_lines_before_the_header_are_none() -> None:
    header = "Timestamp,Open,High,Low,Close,Volume"
    edition = recognise(["\n", "  \n", f"\ufeff{header}\n", "1325412060,1,2,1,2,1\n"])
    assert edition.header is not None and edition.header.lstrip("\ufeff") == header


def test_rows_that_do_not_show_the_order_of_their_columns_are_not_guessed() -> None:
    flat = [f"{1325412060 + 60 * minute},1,1,1,1,1\n" for minute in range(1000)]
    with pytest.raises(HistoryError, match=r"the order of its columns .*: give it a header"):
        recognise(flat)
