"""The groups of settings: one frozen dataclass each, every field with its default and meaning."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from include.market.events import MAIN_ACCOUNT
from include.setting_fields import (
    BASIS_POINTS,
    COUNT,
    POSITIVE,
    SHARE,
    NumberRange,
    Secret,
    setting,
)
from include.setting_kinds import (
    LARGEST_PORT,
    Amount,
    BasisPoints,
    Days,
    FloatRatio,
    FloatSeconds,
    Host,
    HostPorts,
    Megabytes,
    Memory,
    Minutes,
    Money,
    PageUrl,
    Port,
    Ratio,
    Symbol,
    Text,
    VenueName,
    WholeHours,
    YesOrNo,
)
from include.settings.brokers import MECHANISMS, PLAINTEXT, PROTOCOLS, SCRAM

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class PortSettings:
    """Every port; all are bound on `host` alone."""

    host: Host = setting("127.0.0.1", "address that everything binds to")
    kafka: Port = setting(19092, "Kafka broker")
    kafka_controller: Port = setting(19093, "Kafka's own controller")
    postgres: Port = setting(15432, "PostgreSQL server")
    airflow: Port = setting(8080, "Airflow UI and API")
    spark_ui: Port = setting(4040, "Spark UI of the stream")
    simulator: Port = setting(18765, "simulated venues (HTTP and websocket)")
    supervisor: Port = setting(19001, "control port of the process supervisor")
    dashboard: Port = setting(5006, "live dashboard")
    sql_server: Port = setting(10000, "SQL server for JDBC and ODBC (`up --with sql-server`)")
    cluster: Port = setting(
        19200,
        "first of the ports of a cluster's servers (`up --cluster`)",
        NumberRange(highest=LARGEST_PORT - 10),
    )


@dataclass(frozen=True)
class KafkaSettings:
    """Where the broker is and how long it keeps what it has."""

    bootstrap: HostPorts = setting("", "host:port list of the brokers; empty: the local one")
    partitions: Amount = setting(1, "partitions of a topic made by `up`", COUNT)
    replication: Amount = setting(1, "replicas of a topic made by `up`", COUNT)
    retention_hours: WholeHours = setting(
        168, "how long a topic keeps its messages, in hours", POSITIVE
    )
    retention_mb: Megabytes = setting(
        0, "how much of a partition a topic keeps, in MB, landed or not; 0: all of those hours"
    )
    flush_messages: Amount = setting(
        1, "messages of a topic after which the broker syncs it; 0: never by count, for replicas"
    )
    security: Text = setting(
        PLAINTEXT,
        "how brokers are talked to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
        choices=PROTOCOLS,
    )
    sasl_mechanism: Text = setting(
        SCRAM, "how clients log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", choices=MECHANISMS
    )
    user: Text = setting("", "user of the brokers, with SASL")
    password: Secret = setting(Secret(""), "the user's password")
    ca: Text = setting("", "PEM file of who signed the brokers' certificates; empty: the system's")
    heap_mb: Megabytes = setting(512, "heap of the local broker, in MB", COUNT)
    spool_mb: Megabytes = setting(
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

    host: Host = setting("", "server address; empty: the local one")
    user: Text = setting("tickhouse", "role that owns the serving database, and makes the others")
    password: Secret = setting(Secret(""), "its password; generated for the local server")
    stream: Text = setting(
        "tickhouse_stream", "role of stream, minutes, watcher and DAGs: writes what is served"
    )
    stream_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    trader: Text = setting("tickhouse_trader", "role of the trader: writes what it did")
    trader_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    dashboard: Text = setting("tickhouse_dashboard", "role of the dashboard: reads, adds notes")
    dashboard_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    reader: Text = setting("tickhouse_reader", "role that only reads the serving tables")
    reader_password: Secret = setting(Secret(""), "its password; generated; empty: no such role")
    airflow: Text = setting("tickhouse_airflow", "role that owns Airflow's database alone")
    airflow_password: Secret = setting(Secret(""), "its password; generated; empty: the owner's")
    sslmode: Text = setting(
        "prefer",
        "libpq's sslmode: disable, prefer, require, verify-ca or verify-full",
        choices=SSL_MODES,
    )
    ca: Text = setting("", "PEM file of who signed the server's certificate, for verify-…")
    database: Text = setting("tickhouse", "name of the serving database")
    airflow_database: Text = setting("airflow", "name of Airflow's metadata database")

    def login(self, role: DatabaseRole) -> tuple[str, Secret]:
        """Name and password of a role; the owner's where the role has no password."""
        if role is DatabaseRole.OWNER:
            return self.user, self.password
        password: Secret = getattr(self, f"{role}_password")
        return (getattr(self, role), password) if password else self.login(DatabaseRole.OWNER)


@dataclass(frozen=True)
class AirflowSettings:
    """The Airflow UI's log-in and API."""

    url: PageUrl = setting("", "base URL of Airflow's API server; empty: the local one")
    public_url: PageUrl = setting("", "base URL at which people open Airflow; empty: host and port")
    user: Text = setting("admin", "log-in of the Airflow UI")
    password: Secret = setting(Secret(""), "its password; generated")
    jwt_secret: Secret = setting(Secret(""), "key of Airflow's API tokens; generated")
    fernet_key: Secret = setting(Secret(""), "key of secrets in Airflow's database; generated")
    keep_days: Days = setting(
        30, "days of runs and task logs that Airflow keeps; `clean_world` removes older ones"
    )


@dataclass(frozen=True)
class SupervisorSettings:
    """The process supervisor's control channel, and the disk that logs and old files may take."""

    password: Secret = setting(Secret(""), "password of the control port; generated")
    disk_floor_mb: Megabytes = setting(
        500, "broker, feeds, stream and trader are stopped while less is free, in MB; 0: never"
    )
    log_mb: Megabytes = setting(
        10, "size of a process's log, in MB; two older ones of it are kept", COUNT
    )
    damaged_days: Days = setting(
        30, "days for which what `doctor --repair` took out of use stays in var/WORLD/damaged"
    )


@dataclass(frozen=True)
class SimulatorSettings:
    """The simulated market, or the tape it replays."""

    url: PageUrl = setting("", "base URL of the simulated venues; empty: the local ones")
    seed: Amount = setting(7, "seed of the simulated market")
    history_days: Days = setting(90, "days of minute history the simulator serves", COUNT)
    tape: Text = setting("", "path of a tape (without .jsonl.gz) to replay; empty: simulate")
    speed: FloatRatio = setting(1.0, "how many times faster than recorded a tape plays", POSITIVE)
    faults: Text = setting("", "path of a YAML script of faults to play; empty: none")
    kaggle_key: Secret = setting(
        Secret("for-the-simulator"), "API key that the simulated Kaggle takes, any user name"
    )
    binance_key: Secret = setting(Secret(""), "API key of the simulated Binance account")
    binance_secret: Secret = setting(Secret(""), "its secret; without one no signed request passes")


@dataclass(frozen=True)
class SqlServerSettings:
    """Spark's Thrift Server over the lake, for JDBC and ODBC."""

    start: YesOrNo = setting("", "`yes` lets `up` start it, as `up --with sql-server` does")
    memory: Memory = setting("1g", "heap of the SQL server")
    user: Text = setting("tickhouse", "log-in of the SQL server")
    password: Secret = setting(Secret(""), "its password; generated")


@dataclass(frozen=True)
class TraderSettings:
    """The trading rule and the paper account, and further accounts."""

    account: Text = setting(MAIN_ACCOUNT, "name of the trader's account")
    more_accounts: Text = setting(
        "",
        "further accounts of the trader: a name, and what differs from its settings, as "
        "SETTING=VALUE; `;` between accounts (eth symbol=ETH-USD rule=imbalance_and_mid)",
    )
    venue: VenueName = setting("gemini", "venue whose signals and book the trader follows")
    symbol: Symbol = setting("BTC-USD", "symbol it trades")
    rule: Text = setting(
        "forecast_and_ratio",
        "its rule: forecast_and_ratio, imbalance_and_mid, price_and_average, or FILE.py:CLASS",
    )
    imbalance_threshold: Ratio = setting(
        Decimal("0.5"),
        "imbalance_and_mid acts from this imbalance (0 to 1) of the best quantities",
        SHARE,
    )
    half_spread_bps: BasisPoints = setting(
        Decimal("5"),
        "imbalance_and_mid pays at most so many basis points beyond the mid price",
        BASIS_POINTS,
    )
    average_band_bps: BasisPoints = setting(
        Decimal("10"), "price_and_average acts from so many basis points off the suppliers' average"
    )
    sampling_s: FloatSeconds = setting(
        10.0, "imbalance_and_mid decides once in so many seconds (market clock)", POSITIVE
    )
    slippage_bps: BasisPoints = setting(
        Decimal("0"), "how far beyond the best price an order may go, in basis points", BASIS_POINTS
    )
    ratio_low: Ratio = setting(Decimal("0.1"), "buy only above this ask/bid liquidity ratio")
    ratio_high: Ratio = setting(Decimal("2"), "buy only below this ask/bid liquidity ratio")
    balance_share: Ratio = setting(Decimal("0.9"), "share of the quote balance of one buy", SHARE)
    lookahead_minutes: Minutes = setting(
        1,
        "a decision acts on the predicted move of so many minutes from the window's end on",
        NumberRange(lowest=1, highest=24 * 60),
    )
    start_quote: Money = setting(Decimal("10000"), "quote balance of a new paper account")
    fee_bps: BasisPoints = setting(
        Decimal("40"), "taker fee of the paper account, basis points", BASIS_POINTS
    )
    broker: Text = setting(
        "paper",
        "where orders go: paper, or gemini (VENUES_GEMINI_ORDERS)",
        choices=("paper", "gemini"),
    )
    real_money: YesOrNo = setting("", "`yes` allows orders at Gemini's production address")
    book_stale_s: FloatSeconds = setting(
        30.0, "no order on a best bid and ask older than so many seconds"
    )
    skew_s: FloatSeconds = setting(
        5.0, "no order while the venue's clock and ours differ by more seconds; 0: not looked at"
    )
    lag_s: FloatSeconds = setting(
        60.0, "no order on a signal that ended so many seconds ago (wall clock); 0: not looked at"
    )
    breaker_failures: Amount = setting(5, "broker failures in a row that open the breaker", COUNT)
    breaker_s: FloatSeconds = setting(
        60.0, "seconds an open breaker keeps orders back, then one try"
    )
    largest_order: Money = setting(Decimal("100000"), "most quote units of one buy; 0: no limit")
    largest_position: Money = setting(
        Decimal("100000"), "most quote units that the base held may be worth to buy more; 0: any"
    )
    daily_loss: Money = setting(
        Decimal("5000"), "no buying after so much was lost in a day (market clock); 0: no limit"
    )
    max_drawdown: Money = setting(
        Decimal("0"),
        "no buying while the account is so much below its highest worth of the day; 0: no limit",
    )
    stop_loss_bps: BasisPoints = setting(
        Decimal("0"),
        "what is held is sold once so many basis points below its price; 0: never for that",
        BASIS_POINTS,
    )
    edge_times: Ratio = setting(
        Decimal("0"),
        "buy only where the predicted rise is so many times the round trip's cost; 0: anywhere",
    )
    already_in_share: Ratio = setting(
        Decimal("0.1"),
        "nothing more is bought from this share of the account's worth held in base on",
        SHARE,
    )
    orders_per_minute: Amount = setting(10, "most orders of a minute (market clock); 0: no limit")
