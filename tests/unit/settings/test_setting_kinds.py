"""Every setting has a kind, and a value that its kind cannot be is refused by one sentence."""

from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from include.errors import SettingsError
from include.setting_fields import Secret
from include.settings import Settings, list_variables, load

PORTS = [name for name in list_variables() if "_PORTS_" in name and not name.endswith("_HOST")]
METRICS = [
    name
    for name, (default, _) in list_variables().items()
    if name.startswith("TICKHOUSE_METRICS_") and isinstance(default, int)
]
NUMBERS = [
    name
    for name, (default, _) in list_variables().items()
    if isinstance(default, int | float | Decimal)
]
DURATIONS = [
    name
    for name in NUMBERS
    if name.endswith(("_S", "_H", "HOURS", "DAYS", "_MINUTES")) and "DASHBOARD_MINUTES" not in name
]
BOOLEANS = (
    "TICKHOUSE_CLUSTER_START",
    "TICKHOUSE_SQL_SERVER_START",
    "TICKHOUSE_STREAM_SHARED_DISK",
    "TICKHOUSE_TRADER_REAL_MONEY",
    "TICKHOUSE_ALERTS_JUMPS",
    "TICKHOUSE_DASHBOARD_OPEN",
    "TICKHOUSE_S3_PATH_STYLE",
)


def refusal(name: str, value: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load({name: value})
    sentence = str(caught.value)
    assert "; " not in sentence.partition("=")[2].removeprefix(repr(value)), sentence
    return sentence


def kinds_of(group: Any) -> list[tuple[str, Any]]:
    kinds: list[tuple[str, Any]] = []
    hints = get_type_hints(type(group), include_extras=True)
    for spec in fields(group):
        value = getattr(group, spec.name)
        if is_dataclass(value):
            kinds += kinds_of(value)
        elif not isinstance(value, dict):
            kinds.append((f"{type(group).__name__}.{spec.name}", hints[spec.name]))
        elif not is_dataclass(next(iter(value.values()), value)) and value:
            kinds.append((f"{type(group).__name__}.{spec.name}", get_args(hints[spec.name])[1]))
    return kinds


def test_every_setting_has_a_kind() -> None:
    without = [
        name
        for name, kind in kinds_of(Settings())
        if get_origin(kind) is not Annotated and kind not in (Secret, Path, tuple[str, ...])
    ]
    assert without == []


@pytest.mark.parametrize("port", ["65536", "99999", "1e3", "80.0", "6_000", "9" * 5000])
def test_no_port_is_above_the_last_one_or_another_number(port: str) -> None:
    for name in (*PORTS, *METRICS, "TICKHOUSE_ALERTS_SMTP_PORT"):
        sentence = refusal(name, port)
        assert sentence.startswith(f"{name}='{port[:80]}") and len(sentence) < 200


def test_port_0_is_for_metrics_alone() -> None:
    for name in (*PORTS, "TICKHOUSE_ALERTS_SMTP_PORT"):
        assert refusal(name, "0").endswith("must be 1 or more")
    load(dict.fromkeys(METRICS, "0"))
    assert "must be 65525 or less" in refusal("TICKHOUSE_PORTS_CLUSTER", "65526")


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_finite_and_in_its_range(name: str) -> None:
    for value in ("nan", "inf", "-inf", "-1", "1e400", "1e99", "x", "1 0"):
        assert refusal(name, value).startswith(f"{name}='{value}': ")


@pytest.mark.parametrize("name", DURATIONS)
def test_no_duration_exceeds_every_clock(name: str) -> None:
    assert refusal(name, "4000000000").endswith(" or less")


@pytest.mark.parametrize("name", BOOLEANS)
def test_yes_and_no_have_every_usual_form(name: str) -> None:
    group, _, field = name.removeprefix("TICKHOUSE_").rpartition("_")
    if name.endswith(("SHARED_DISK", "REAL_MONEY", "PATH_STYLE")):
        group, field = group.rpartition("_")[0], f"{group.rpartition('_')[2]}_{field}"
    for text, meaning in {"Yes": "yes", "TRUE": "yes", "1": "yes", "on": "yes", "y": "yes"}.items():
        assert read(name, text, group, field) == meaning
    for text in ("No", "false", "0", "OFF", "n"):
        assert read(name, text, group, field) == "no"
    for text in ("maybe", "ja", "2", "yes!", "yes no"):
        assert refusal(name, text) == f"{name}={text!r}: must be yes or no"


def read(name: str, text: str, group: str, field: str) -> Any:
    return getattr(getattr(load({name: text}), group.lower()), field.lower())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORLD", "../x"),
        ("WORLD", "a/b"),
        ("WORLD", ".."),
        ("WORLD", "a..b"),
        ("WORLD", ".partial-x"),
        ("WORLD", "a b"),
        ("WORLD", "-rf"),
        ("WORLD", "x" * 65),
        ("TRADER_VENUE", "gemni"),
        ("TRADER_VENUE", "coinbase"),
        ("TRADER_VENUE", "Gemini"),
        ("FORECAST_VENUE", "nowhere"),
        ("FORECAST_SYMBOL", "btc"),
        ("FORECAST_SYMBOL", "btc-usd"),
        ("FORECAST_SYMBOL", "../../x-USD"),
        ("FORECAST_SYMBOL", "BTC-U/D"),
        ("FORECAST_SYMBOLS", "BTC-USD,eth"),
        ("TRADER_SYMBOL", "BTC USD"),
        ("TRADER_SYMBOL", "BTC-USD\n"),
        ("TRADER_SYMBOL", "BTC -USD"),
        ("VENUES_GEMINI_SYMBOLS", "BTC-US|D"),
        ("VENUES_GEMINI_SERVICE", "v3"),
        ("VENUES_BINANCE_BOOK", "10ms"),
        ("VENUES_DERIBIT_BOOK", "fast"),
        ("VENUES_DERIBIT_HEARTBEAT_S", "5"),
        ("VENUES_QUOTE_SYMBOLS", "BTC"),
        ("ALERTS_EMAIL_TO", "a@"),
        ("ALERTS_EMAIL_TO", "a@b.org,"),
        ("ALERTS_EMAIL_TO", "Foo <a@"),
        ("ALERTS_EMAIL_TO", "a@[1.2"),
        ("ALERTS_EMAIL_TO", "a b@c.org"),
        ("ALERTS_EMAIL_FROM", "nobody"),
        ("ALERTS_WEBHOOK", "htp:x"),
        ("ALERTS_WEBHOOK", "http:x"),
        ("ALERTS_SMTP_HOST", "smtp://mail"),
        ("KAFKA_BOOTSTRAP", "b"),
        ("KAFKA_BOOTSTRAP", "b:"),
        ("KAFKA_BOOTSTRAP", ":9092"),
        ("KAFKA_BOOTSTRAP", "b:0"),
        ("KAFKA_BOOTSTRAP", "b:65536"),
        ("KAFKA_BOOTSTRAP", "b:9092,"),
        ("KAFKA_BOOTSTRAP", "b:9092,c"),
        ("KAFKA_BOOTSTRAP", "b:9092 c:9092"),
        ("KAFKA_BOOTSTRAP", "kafka://b:9092"),
        ("KAFKA_BOOTSTRAP", "::1:9092"),
        ("KAFKA_BOOTSTRAP", "b:²"),
        ("POSTGRES_HOST", "postgres://a"),
        ("PORTS_HOST", "127.0.0.1 "),
        ("VENUES_BINANCE_WS_URL", "https://stream.binance.com"),
        ("VENUES_BINANCE_REST_URL", "wss://x"),
        ("VENUES_GEMINI_ORDERS", "api.gemini.com"),
        ("VENUES_GEMINI_CURRENT_WS_URL", "wss://"),
        ("VENUES_KRAKEN_REST_URL", "https://a:99999"),
        ("FORECAST_KAGGLE_URL", "www.kaggle.com"),
        ("SIMULATOR_URL", "http//x"),
        ("AIRFLOW_URL", "http://a b"),
        ("STREAM_MASTER", "local[x]"),
        ("STREAM_BATCH_MASTER", "sparc://a:7077"),
        ("STREAM_DRIVER_MEMORY", "2 GB"),
        ("STREAM_EXECUTOR_MEMORY", "0g"),
        ("SQL_SERVER_MEMORY", "lots"),
        ("CLUSTER_WORKER_MEMORY", "-1g"),
        ("DASHBOARD_MINUTES", "45"),
        ("DASHBOARD_REFRESH_S", "0"),
        ("STREAM_LAKE", "a\x1bb"),
        ("KAFKA_USER", "a\nb"),
    ],
)
def test_a_text_that_its_setting_cannot_be_is_one_sentence_with_name_and_value(
    name: str, value: str
) -> None:
    assert refusal(f"TICKHOUSE_{name}", value).startswith(f"TICKHOUSE_{name}={value!r}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORLD", "btcusd_2018-04-24"),
        ("TRADER_VENUE", "deribit"),
        ("FORECAST_SYMBOL", "BTC-PERPETUAL"),
        ("FORECAST_SYMBOL", "币安人生-USDT"),
        ("VENUES_DERIBIT_SYMBOLS", "BTC-27JUN25-100000-C,ETH_USDC-PERPETUAL,BTC-USDC"),
        ("VENUES_DERIBIT_BOOK", "none.20.100ms"),
        ("ALERTS_EMAIL_TO", "a@example.org, Desk <b@[10.0.0.1]>"),
        ("ALERTS_WEBHOOK", "https://hooks.example/T0/x?y=z"),
        ("KAFKA_BOOTSTRAP", "b:9092, c.d:9093,[::1]:65535"),
        ("POSTGRES_HOST", "/var/run/postgresql"),
        ("METRICS_HOST", "{name}.tickhouse"),
        ("PORTS_HOST", "::"),
        ("STREAM_MASTER", "spark://one:7077,two:7077"),
        ("STREAM_MASTER", "local[*]"),
        ("STREAM_MASTER", "k8s://https://1.2.3.4:6443"),
        ("STREAM_DRIVER_MEMORY", "1536m"),
        ("TRADER_DAILY_LOSS", "5e3"),
    ],
)
def test_what_is_usual_is_taken(name: str, value: str) -> None:
    load({f"TICKHOUSE_{name}": value})


def test_a_secret_is_not_in_the_sentence() -> None:
    sentence = refusal("TICKHOUSE_ALERTS_WEBHOOK", "hooks.example/T0/very-secret")
    assert "secret" not in sentence and "='hooks.ex…': " in sentence
