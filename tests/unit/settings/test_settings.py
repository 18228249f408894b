"""Settings: every fault at once, secrets unprinted, the order of their sources, worlds."""

import gzip
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from include.errors import PlatformError, SettingsError
from include.lake.derived_retention import TIME_OF
from include.local import preflight, worlds
from include.setting_fields import Secret
from include.settings import list_variables, load, read_env
from include.settings.retention import DERIVED
from streaming.feeds.tape import tape_start


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            {
                "TICKHOUSE_PORTS_KAFKA": "many",
                "TICKHOUSE_TRADER_RATIO_LOW": "x",
                "TICKHOUSE_TRADER_SYMBOL": "BTC-USD",
                "TICKHOUSE_NONSENSE": "1",
            }
        )
    for fault in ("TICKHOUSE_PORTS_KAFKA='many'", "TICKHOUSE_TRADER_RATIO_LOW='x'", "NONSENSE"):
        assert fault in str(caught.value)


def test_values_get_the_type_of_their_field() -> None:
    settings = load(
        {
            "TICKHOUSE_TRADER_RATIO_HIGH": "2.5",
            "TICKHOUSE_PORTS_KAFKA": "19",
            "TICKHOUSE_VENUES_BINANCE_SYMBOLS": "BTC-USDT, ETH-USDT",
            "TICKHOUSE_WORLD": "live",
            "TICKHOUSE_VAR": "/x",
        }
    )
    assert settings.trader.ratio_high == Decimal("2.5")
    assert settings.venues.binance.symbols == ("BTC-USDT", "ETH-USDT")
    assert settings.bootstrap == "127.0.0.1:19"
    assert settings.home == Path("/x/live")


def test_a_secret_never_prints() -> None:
    settings = load({"TICKHOUSE_POSTGRES_PASSWORD": "hunter2"})
    assert "hunter2" not in f"{settings} {settings!r} {settings.postgres.password}"
    assert settings.postgres.password.reveal() == "hunter2"
    assert settings.dsn()["password"] == "hunter2"
    assert str(Secret("")) == "***"


def test_every_setting_says_what_it_means() -> None:
    assert len(list_variables()) > 50
    assert [
        name for name, (_, meaning) in list_variables().items() if len(meaning.split()) < 2
    ] == []


def test_an_env_file_has_comments_and_names_of_others(tmp_path: Path) -> None:
    path = tmp_path / "a.env"
    path.write_text("# TICKHOUSE_A=1\n\nTICKHOUSE_B = 2=3\nPATH=/bin\n")
    assert read_env(path, prefix="TICKHOUSE_") == {"TICKHOUSE_B": "2=3"}
    assert read_env(tmp_path / "none", prefix="TICKHOUSE_") == {}


def tape(folder: Path, first: str) -> Path:
    path = folder / "btcusd_2018-04-24"
    for ending, text in ((".jsonl.gz", "{}\n"), (".recv.txt.gz", f"{first}\n1\n")):
        with gzip.open(path.with_name(path.name + ending), "wt") as file:
            file.write(text)
    return path


@pytest.mark.parametrize("first", ["1524546889368", "1524546889.368", "1524546889368000000"])
def test_a_tape_is_a_world_that_begins_with_its_first_frame(tmp_path: Path, first: str) -> None:
    path = tape(tmp_path, first)
    chosen = worlds.world_variables(tape=path, speed=10)
    assert chosen["TICKHOUSE_WORLD"] == "btcusd_2018-04-24"
    assert chosen["TICKHOUSE_VENUES_GEMINI_SYMBOLS"] == "BTC-USD"
    assert tape_start(path).isoformat().startswith("2018-04-24T05:14:49.368")


def test_flags_that_cannot_be_are_named(tmp_path: Path) -> None:
    path = tape(tmp_path, "1524546889368")
    with pytest.raises(SettingsError, match="--live and --tape"):
        worlds.world_variables(live=True, tape=path)
    with pytest.raises(SettingsError, match=r"nothing\.jsonl\.gz does not exist"):
        worlds.world_variables(tape=tmp_path / "nothing")
    with pytest.raises(SettingsError, match=r"--speed 0"):
        worlds.world_variables(tape=path, speed=0)
    with pytest.raises(PlatformError, match=r"bars\.csv: there is no such file"):
        worlds.world_variables(history=str(tmp_path / "bars.csv"))


def test_generated_secrets_are_kept_and_private(tmp_path: Path) -> None:
    worlds.ensure_secrets(tmp_path, {"TICKHOUSE_A": "1"})
    worlds.ensure_secrets(tmp_path, {"TICKHOUSE_A": "2"})
    path = tmp_path / worlds.SECRETS
    assert path.read_text().splitlines()[1:] == ["TICKHOUSE_A=1"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_busy_port_is_named_with_the_setting_that_moves_it() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = load({"TICKHOUSE_PORTS_KAFKA": str(port)})
        with pytest.raises(PlatformError, match=rf"{port} \(kafka\).*TICKHOUSE_PORTS_KAFKA"):
            preflight.check_ports(settings.ports)


def test_a_full_disk_is_told_in_figures(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"GB are free for .*1000000 GB are needed"):
        preflight.check_disk(tmp_path / "var", min_gb=1e6)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("TRADER_DAILY_LOSS", "-5000", "must be 0 or more"),
        ("TRADER_LARGEST_ORDER", "-1", "must be 0 or more"),
        ("TRADER_LARGEST_POSITION", "-0.01", "must be 0 or more"),
        ("TRADER_ORDERS_PER_MINUTE", "-1", "must be 0 or more"),
        ("TRADER_SKEW_S", "-1", "must be 0 or more"),
        ("TRADER_LAG_S", "-60", "must be 0 or more"),
        ("TRADER_DAILY_LOSS", "NaN", "not a finite number"),
        ("TRADER_DAILY_LOSS", "sNaN", "not a finite number"),
        ("TRADER_LAG_S", "inf", "not a finite number"),
        ("TRADER_BALANCE_SHARE", "1.01", "must be 1 or less"),
        ("TRADER_FEE_BPS", "10001", "must be 10000 or less"),
        ("TRADER_SAMPLING_S", "0", "must be above 0"),
        ("TRADER_LOOKAHEAD_MINUTES", "0", "must be 1 or more"),
        ("TRADER_LOOKAHEAD_MINUTES", "1441", "must be 1440 or less"),
        ("SIMULATOR_SPEED", "0", "must be above 0"),
        ("STREAM_WINDOW_S", "0", "must be 1 or more"),
        ("SUPERVISOR_LOG_MB", "0", "must be 1 or more"),  # supervisord would let it grow for good
        ("ALERTS_LOG_MB", "0", "must be 1 or more"),
        ("FORECAST_HORIZON_MINUTES", "-5", "must be 1 or more"),
        ("FORECAST_MIN_COVERAGE", "20", "must be 1 or less"),
        ("VENUES_STALE_S", "-1", "must be 0 or more"),
        ("METRICS_GEMINI", "-1", "must be 0 or more"),
        ("FORECAST_LIKELIHOOD", "level", "must be one of changes, levels"),
        ("FORECAST_TARGET", "mid", "must be one of close, vwap"),
        ("ALERTS_SMTP_SECURITY", "ssl", "must be one of none, starttls, tls"),
        ("TRADER_BROKER", "live", "must be one of paper, gemini"),
        ("TRADER_RATIO_LOW", "2", "TICKHOUSE_TRADER_RATIO_LOW=2 is not below …_RATIO_HIGH=2"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, value: str, fault: str) -> None:
    with pytest.raises(SettingsError, match=f"TICKHOUSE_{name}='?{value}") as caught:
        load({f"TICKHOUSE_{name}": value})
    assert fault in str(caught.value)


def test_no_number_of_ours_may_be_negative() -> None:
    numbers = [name for name, (default, _) in list_variables().items() if is_number(default)]
    assert len(numbers) > 80
    for name in numbers:
        with pytest.raises(SettingsError, match=f"{name}='-1'"):
            load({name: "-1"})


def is_number(default: object) -> bool:
    return isinstance(default, int | float | Decimal)


DAYS = "TICKHOUSE_LAKE_KEEP_DAYS_"
SHORTER = {"TICKHOUSE_STREAM_SERVED_DAYS": "20", "TICKHOUSE_FORECAST_TRAIN_DAYS": "25"}


def test_tables_keep_all_by_default_and_days_by_setting() -> None:
    assert load({}).lake_keep_days.by_table == {}
    days = {f"{DAYS}TRADES": "30", f"{DAYS}BOOK_CHANGES": "2", f"{DAYS}FEED_LEDGER": "31"}
    assert load(SHORTER | days).lake_keep_days.by_table == {
        "trades": 30,
        "book_changes": 2,
        "feed_ledger": 31,
    }


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ({"TRADES": "20"}, "TRADES=20 is not above TICKHOUSE_STREAM_SERVED_DAYS=20"),
        ({"TRADES": "25"}, "TRADES=25 is not above TICKHOUSE_FORECAST_TRAIN_DAYS=25"),
        ({"TRADES": "6"}, "TRADES=6 is not above the 7 days for which holes are healed"),
        ({"QUOTES": "1"}, "QUOTES=1: must be 2 or more, or 0 for all"),
        ({"QUOTES": "-1"}, "QUOTES='-1': must be 0 or more"),
        ({"TICKERS": "2.5"}, "TICKERS='2.5'"),
        (
            {"FEED_LEDGER": "30", "TRADES": "30", "BOOK_CHANGES": "2"},
            f"FEED_LEDGER=30 is not above {DAYS}TRADES=30",
        ),
        ({"FEED_LEDGER": "30", "TRADES": "28"}, f"is not above {DAYS}BOOK_CHANGES=0 (0: all)"),
        ({"ORDERS": "30"}, f"{DAYS}ORDERS is not a setting"),
        ({"BOOK_SECONDS": "1"}, "BOOK_SECONDS=1: must be 2 or more"),
        ({"SIGNALS": "20"}, "SIGNALS=20 is not above TICKHOUSE_STREAM_SERVED_DAYS=20"),
        ({"TRADE_MINUTES": "99"}, f"TRADE_MINUTES=99 is below {DAYS}TRADES=0 (0: all)"),
        (
            {"TRADE_MINUTES": "29", "TRADES": "30"},
            f"TRADE_MINUTES=29 is below {DAYS}TRADES=30",
        ),
        ({"BOOK_CHECKPOINTS": "9"}, f"is below {DAYS}BOOK_CHANGES=0 (0: all)"),
        (
            {"BOOK_CHECKPOINTS": "9", "BOOK_CHANGES": "10"},
            f"BOOK_CHECKPOINTS=9 is below {DAYS}BOOK_CHANGES=10",
        ),
    ],
)
def test_days_that_a_reader_needs_are_not_let_go(days: dict[str, str], sentence: str) -> None:
    environ = SHORTER | {f"{DAYS}{name}": value for name, value in days.items()}
    with pytest.raises(SettingsError) as refusal:
        load(environ)
    assert sentence in str(refusal.value)


def test_tables_made_from_others_have_days_without_an_audit() -> None:
    days = {f"{DAYS}BOOK_SECONDS": "2", f"{DAYS}BOOK_CHECKPOINTS": "3", f"{DAYS}BOOK_CHANGES": "3"}
    keep = load(days).lake_keep_days
    assert keep.by_table == {"book_changes": 3}
    assert keep.by_derived_table == {"book_seconds": 2, "book_checkpoints": 3}


def test_every_table_that_goes_by_days_has_them_and_its_time() -> None:
    days = {f"{DAYS}{name.upper()}": "40" for name in DERIVED} | {f"{DAYS}BOOK_CHANGES": "40"}
    keep = load(SHORTER | days | {f"{DAYS}TRADES": "40"}).lake_keep_days
    assert keep.by_derived_table == dict.fromkeys(DERIVED, 40)
    assert {table.name: column in table.names for table, column in TIME_OF.items()} == (
        dict.fromkeys(DERIVED, True)
    )


def test_training_on_all_history_keeps_all_trades() -> None:
    with pytest.raises(SettingsError, match="TRAIN_DAYS=0"):
        load(SHORTER | {f"{DAYS}TRADES": "3000", "TICKHOUSE_FORECAST_TRAIN_DAYS": "0"})
