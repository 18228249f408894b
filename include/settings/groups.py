"""The groups of settings: one frozen dataclass each, every field with its default and meaning."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from include.setting_fields import (
    BASIS_POINTS,
    COUNT,
    POSITIVE,
    SHARE,
    NumberRange,
    Secret,
    setting,
)
from include.settings.brokers import MECHANISMS, PLAINTEXT, PROTOCOLS, SCRAM

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class PortSettings:
    """Every port; all are bound on `host` alone."""

    host: str = setting("127.0.0.1", "address that everything binds to")
    kafka: int = setting(19092, "Kafka broker")
    kafka_controller: int = setting(19093, "Kafka's own controller")
    postgres: int = setting(15432, "PostgreSQL server")
    airflow: int = setting(8080, "Airflow UI and API")
    spark_ui: int = setting(4040, "Spark UI of the stream")
    simulator: int = setting(18765, "simulated venues (HTTP and websocket)")
    supervisor: int = setting(19001, "control port of the process supervisor")
    dashboard: int = setting(5006, "live dashboard")
    sql_server: int = setting(10000, "SQL server for JDBC and ODBC (`up --with sql-server`)")
    cluster: int = setting(19200, "first of the ports of a cluster's servers (`up --cluster`)")


@dataclass(frozen=True)
class KafkaSettings:
    """Where the broker is and how long it keeps what it has."""

    bootstrap: str = setting("", "host:port list of the brokers; empty: the local one")
    partitions: int = setting(1, "partitions of a topic made by `up`", COUNT)
    replication: int = setting(1, "replicas of a topic made by `up`", COUNT)
    retention_hours: int = setting(168, "how long a topic keeps its messages, in hours", POSITIVE)
    flush_messages: int = setting(
        1, "messages of a topic after which the broker syncs it; 0: never by count, for replicas"
    )
    security: str = setting(
        PLAINTEXT,
        "how brokers are talked to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
        choices=PROTOCOLS,
    )
    sasl_mechanism: str = setting(
        SCRAM, "how clients log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", choices=MECHANISMS
    )
    user: str = setting("", "user of the brokers, with SASL")
    password: Secret = setting(Secret(""), "the user's password")
    ca: str = setting("", "PEM file of who signed the brokers' certificates; empty: the system's")
    heap_mb: int = setting(512, "heap of the local broker, in MB", COUNT)
    spool_mb: int = setting(
        1024, "most disk a feed uses for messages while the broker is unreachable, in MB"
    )


class DatabaseRole(StrEnum):
    """As whom a process logs in at Postgres; what each may do is in `include/serving/roles.py`."""

    OWNER = "user"
    STREAM = "stream"
    TRADER = "trader"
    DASHBOARD = "dashboard"
    READER = "reader"
    AIRFLOW = "airflow"


@dataclass(frozen=True)
class PostgresSettings:
    """The serving database; Airflow's metadata lives in its own database of the same server."""

    host: str = setting("", "server address; empty: the local one")
    user: str = setting("tickhouse", "role that owns the serving database, and makes the others")
    password: Secret = setting(Secret(""), "its password; generated for the local server")
    stream: str = setting(
        "tickhouse_stream", "role of stream, minutes, watcher and DAGs: writes what is served"
    )
    stream_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    trader: str = setting("tickhouse_trader", "role of the trader: writes what it did")
    trader_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    dashboard: str = setting("tickhouse_dashboard", "role of the dashboard: reads, adds notes")
    dashboard_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    reader: str = setting("tickhouse_reader", "role that only reads the serving tables")
    reader_password: Secret = setting(Secret(""), "its password; generated; empty: no such role")
    airflow: str = setting("tickhouse_airflow", "role that owns Airflow's database alone")
    airflow_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    sslmode: str = setting(
        "prefer",
        "libpq's sslmode: disable, prefer, require, verify-ca or verify-full",
        choices=SSL_MODES,
    )
    ca: str = setting("", "PEM file of who signed the server's certificate, for verify-…")
    database: str = setting("tickhouse", "name of the serving database")
    airflow_database: str = setting("airflow", "name of Airflow's metadata database")

    def login(self, role: DatabaseRole) -> tuple[str, Secret]:
        """Name and password of a role; the owner's where the role has no password."""
        if role is DatabaseRole.OWNER:
            return self.user, self.password
        password: Secret = getattr(self, f"{role}_password")
        return (getattr(self, role), password) if password else self.login(DatabaseRole.OWNER)


@dataclass(frozen=True)
class AirflowSettings:
    """The Airflow UI's log-in and API."""

    url: str = setting("", "base URL of Airflow's API server; empty: the local one")
    public_url: str = setting("", "base URL at which people open Airflow; empty: host and port")
    user: str = setting("admin", "log-in of the Airflow UI")
    password: Secret = setting(Secret(""), "its password; generated")
    jwt_secret: Secret = setting(Secret(""), "key of Airflow's API tokens; generated")
    fernet_key: Secret = setting(Secret(""), "key of secrets in Airflow's database; generated")
    keep_days: int = setting(
        30, "days of runs and task logs that Airflow keeps; `clean_world` removes older ones"
    )


@dataclass(frozen=True)
class SupervisorSettings:
    """The process supervisor's control channel, and the disk that logs and old files may take."""

    password: Secret = setting(Secret(""), "password of the control port; generated")
    disk_floor_mb: int = setting(
        500, "broker, feeds, stream and trader are stopped while less is free, in MB; 0: never"
    )
    log_mb: int = setting(10, "size of a process's log, in MB; two older ones of it are kept")
    damaged_days: int = setting(
        30, "days for which what `doctor --repair` took out of use stays in var/WORLD/damaged"
    )


@dataclass(frozen=True)
class SimulatorSettings:
    """The simulated market, or the tape it replays."""

    url: str = setting("", "base URL of the simulated venues; empty: the local ones")
    seed: int = setting(7, "seed of the simulated market")
    history_days: int = setting(90, "days of minute history the simulator serves", COUNT)
    tape: str = setting("", "path of a tape (without .jsonl.gz) to replay; empty: simulate")
    speed: float = setting(1.0, "how many times faster than recorded a tape plays", POSITIVE)
    faults: str = setting("", "path of a YAML script of faults to play; empty: none")
    kaggle_key: Secret = setting(
        Secret("for-the-simulator"), "API key that the simulated Kaggle takes, any user name"
    )
    binance_key: Secret = setting(Secret(""), "API key of the simulated Binance account")
    binance_secret: Secret = setting(Secret(""), "its secret; without one no signed request passes")


@dataclass(frozen=True)
class SqlServerSettings:
    """Spark's Thrift Server over the lake, for JDBC and ODBC."""

    start: str = setting("", "`yes` lets `up` start it, as `up --with sql-server` does")
    memory: str = setting("1g", "heap of the SQL server")
    user: str = setting("tickhouse", "log-in of the SQL server")
    password: Secret = setting(Secret(""), "its password; generated")


@dataclass(frozen=True)
class TraderSettings:
    """The trading rule and the paper account."""

    venue: str = setting("gemini", "venue whose signals and book the trader follows")
    symbol: str = setting("BTC-USD", "symbol it trades")
    rule: str = setting(
        "forecast_and_ratio",
        "its rule: forecast_and_ratio, imbalance_and_mid, price_and_average, or FILE.py:CLASS",
    )
    imbalance_threshold: Decimal = setting(
        Decimal("0.5"),
        "imbalance_and_mid acts from this imbalance (0 to 1) of the best quantities",
        SHARE,
    )
    half_spread_bps: Decimal = setting(
        Decimal("5"),
        "imbalance_and_mid pays at most so many basis points beyond the mid price",
        BASIS_POINTS,
    )
    average_band_bps: Decimal = setting(
        Decimal("10"), "price_and_average acts from so many basis points off the suppliers' average"
    )
    sampling_s: float = setting(
        10.0, "imbalance_and_mid decides once in so many seconds (market clock)", POSITIVE
    )
    slippage_bps: Decimal = setting(
        Decimal("0"), "how far beyond the best price an order may go, in basis points", BASIS_POINTS
    )
    ratio_low: Decimal = setting(Decimal("0.1"), "buy only above this ask/bid liquidity ratio")
    ratio_high: Decimal = setting(Decimal("2"), "buy only below this ask/bid liquidity ratio")
    balance_share: Decimal = setting(Decimal("0.9"), "share of the quote balance of one buy", SHARE)
    lookahead_minutes: int = setting(
        1,
        "a decision acts on the predicted move of so many minutes from the window's end on",
        NumberRange(lowest=1, highest=24 * 60),
    )
    start_quote: Decimal = setting(Decimal("10000"), "quote balance of a new paper account")
    fee_bps: Decimal = setting(
        Decimal("40"), "taker fee of the paper account, basis points", BASIS_POINTS
    )
    broker: str = setting(
        "paper",
        "where orders go: paper, or gemini (VENUES_GEMINI_ORDERS)",
        choices=("paper", "gemini"),
    )
    real_money: str = setting("", "`yes` allows orders at Gemini's production address")
    book_stale_s: float = setting(30.0, "no order on a best bid and ask older than so many seconds")
    skew_s: float = setting(
        5.0, "no order while the venue's clock and ours differ by more seconds; 0: not looked at"
    )
    lag_s: float = setting(
        60.0, "no order on a signal that ended so many seconds ago (wall clock); 0: not looked at"
    )
    breaker_failures: int = setting(5, "broker failures in a row that open the breaker", COUNT)
    breaker_s: float = setting(60.0, "seconds an open breaker keeps orders back, then one try")
    largest_order: Decimal = setting(Decimal("100000"), "most quote units of one buy; 0: no limit")
    largest_position: Decimal = setting(
        Decimal("100000"), "most quote units that the base held may be worth to buy more; 0: any"
    )
    daily_loss: Decimal = setting(
        Decimal("5000"), "no buying after so much was lost in a day (market clock); 0: no limit"
    )
    max_drawdown: Decimal = setting(
        Decimal("0"),
        "no buying while the account is so much below its highest worth of the day; 0: no limit",
    )
    stop_loss_bps: Decimal = setting(
        Decimal("0"),
        "what is held is sold once so many basis points below its price; 0: never for that",
        BASIS_POINTS,
    )
    edge_times: Decimal = setting(
        Decimal("0"),
        "buy only where the predicted rise is so many times the round trip's cost; 0: anywhere",
    )
    already_in_share: Decimal = setting(
        Decimal("0.1"),
        "nothing more is bought from this share of the account's worth held in base on",
        SHARE,
    )
    orders_per_minute: int = setting(10, "most orders of a minute (market clock); 0: no limit")
