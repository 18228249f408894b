"""Settings: frozen dataclasses built once from a mapping, with every fault reported at once.

A setting is a `TICKHOUSE_…` variable. The environment wins over `var/current.env` (what the last
`./tickhouse up` chose), that over `var/secrets.env` (generated), that over `.env` (yours), and
those over the defaults written here. `.env.example` lists every one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from include.errors import SettingsError
from include.market.feed_shards import FeedShard, list_shards
from include.market.venue_settings import Venues
from include.market.venues import VENUES
from include.object_path import StorePath, open_bucket, store_path
from include.setting_fields import setting
from include.setting_kinds import LARGEST_PORT, Text, World
from include.settings.brokers import Brokers, KafkaSecurity
from include.settings.cluster import ClusterPorts, ClusterSettings
from include.settings.connections import connection_faults
from include.settings.dashboard import DashboardSettings
from include.settings.env import (
    build_group,
    describe_variables,
    merge_layers,
    read_env,
    read_environment,
    read_secret_files,
)
from include.settings.forecast import ForecastSettings, QualitySettings
from include.settings.groups import (
    AirflowSettings,
    DatabaseRole,
    KafkaSettings,
    PortSettings,
    PostgresSettings,
    SimulatorSettings,
    SqlServerSettings,
    SupervisorSettings,
    TraderSettings,
)
from include.settings.monitoring import AlertSettings, MetricSettings
from include.settings.retention import KeepDays, retention_faults
from include.settings.spark_conf import spark_conf_faults
from include.settings.store import S3Settings, aws_variables, is_object_store, store_faults
from include.settings.stream import StreamSettings
from include.settings.trader_accounts import parse_accounts

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX, LIVE = "TICKHOUSE_", "live"  # before every variable; the world of the real venues
ANY_ADDRESS = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Settings:
    """All settings of one process, with the folders that follow from them."""

    world: World = setting("sim", "world to run: sim, live, or a tape's name")
    var: Path = setting(ROOT / "var", "folder of all run-time state")
    store: Text = setting(
        "",
        "where lake, checkpoints, models and forecasts are, each world in a folder of its name: a "
        "path, or s3a://BUCKET/…; empty: TICKHOUSE_VAR",
    )
    s3: S3Settings = field(default_factory=S3Settings)
    lake_keep_days: KeepDays = field(default_factory=KeepDays)
    ports: PortSettings = field(default_factory=PortSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    postgres: PostgresSettings = field(default_factory=PostgresSettings)
    airflow: AirflowSettings = field(default_factory=AirflowSettings)
    supervisor: SupervisorSettings = field(default_factory=SupervisorSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    venues: Venues = field(default_factory=Venues)
    simulator: SimulatorSettings = field(default_factory=SimulatorSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    sql_server: SqlServerSettings = field(default_factory=SqlServerSettings)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    trader: TraderSettings = field(default_factory=TraderSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    metrics: MetricSettings = field(default_factory=MetricSettings)

    @property
    def home(self) -> Path:
        """The folder of this world on this machine."""
        return self.var / self.world

    @property
    def world_store(self) -> StorePath:
        """Where this world keeps what every machine of it has to see."""
        return store_path(self.store) / self.world if self.store else self.home

    @property
    def lake(self) -> str:
        """The lake's URI or path."""
        return self.stream.lake or str(self.world_store / "lake")

    @property
    def checkpoints(self) -> StorePath:
        """The folder of the stream's checkpoints."""
        return self.world_store / "checkpoints"

    @property
    def cluster_ports(self) -> ClusterPorts:
        """The ports of a cluster's servers on this machine."""
        return ClusterPorts(self.ports.cluster)

    @property
    def certificates(self) -> Path:
        """The folder of the certificates of servers that `up` starts with TLS."""
        return self.home / "certificates"

    @property
    def pages(self) -> StorePath:
        """The folder of quality pages."""
        return self.world_store / "quality"

    @property
    def uses_s3(self) -> bool:
        """Whether the lake, or all of the store, is in an object store."""
        return is_object_store(self.lake) or is_object_store(self.store)

    @property
    def s3_variables(self) -> Mapping[str, str]:
        """The `AWS_…` variables of every process that reads or writes an object store, if any."""
        return aws_variables(self.s3) if self.uses_s3 else {}

    @property
    def forecasts(self) -> StorePath:
        """The folder of the published forecasts of the main symbol."""
        return self.forecasts_of(self.forecast.symbol)

    def forecasts_of(self, symbol: str) -> StorePath:
        """The folder of the published forecasts of a symbol, with a pointer of its own."""
        folder = self.world_store / "forecasts"
        return folder if symbol == self.forecast.symbol else folder / symbol

    @property
    def bootstrap(self) -> Brokers:
        """Kafka's host:port list, and how the brokers are talked to."""
        kafka = self.kafka
        security = KafkaSecurity(
            kafka.security, kafka.sasl_mechanism, kafka.user, kafka.password, kafka.ca
        )
        return Brokers(kafka.bootstrap or f"{self.ports.host}:{self.ports.kafka}", security)

    def trader_accounts(self) -> dict[str, "Settings"]:
        """The settings with each account's as those of the trader, by the account's name."""
        accounts, _ = parse_accounts(self.trader)
        return {name: replace(self, trader=trader) for name, trader in accounts.items()}

    def of_account(self, name: str) -> "Settings":
        """The settings with those of an account as the trader's; empty: the first one's.

        Raises:
            SettingsError: there is no such account.
        """
        accounts = self.trader_accounts()
        if name and name not in accounts:
            raise SettingsError(f"the trader has no account {name!r}: {', '.join(accounts)}")
        return accounts[name or self.trader.account]

    @property
    def venue_order(self) -> tuple[str, ...]:
        """Venues in the order in which the one is chosen whose trades stand for a symbol."""
        first = (self.forecast.venue, self.trader.venue)
        return tuple(dict.fromkeys(venue for venue in (*first, *VENUES) if venue))

    @property
    def feed_shards(self) -> tuple[FeedShard, ...]:
        """The processes of the venues' feeds: those that have symbols to follow."""
        return tuple(
            shard
            for venue in VENUES
            for shard in list_shards(venue, self.venues.of(venue).shards)
            if shard.choose(self.venues.of(venue).symbols)
        )

    @property
    def metrics_ports(self) -> dict[str, int]:
        """The port of each process's metrics by the process's name; 0: off."""
        shards = {shard.program: self.metrics.port_of(shard) for shard in self.feed_shards}
        return self.metrics.ports | shards

    @property
    def simulator_url(self) -> str:
        """Base HTTP URL of the simulated venues."""
        return self.simulator.url or f"http://{self.ports.host}:{self.ports.simulator}"

    @property
    def airflow_url(self) -> str:
        """Base URL of Airflow's API server."""
        return self.airflow.url or f"http://{self.ports.host}:{self.ports.airflow}"

    @property
    def public_urls(self) -> dict[str, str]:
        """Base URLs at which people open dashboard, Airflow and Spark UI, without a last slash."""
        ports = self.ports
        host = "127.0.0.1" if ports.host in ANY_ADDRESS else ports.host
        pages = {
            "dashboard": (self.dashboard.public_url, ports.dashboard),
            "airflow": (self.airflow.public_url, ports.airflow),
            "spark": (self.stream.public_url, ports.spark_ui),
        }
        return {
            name: url.rstrip("/") or f"http://{host}:{port}" for name, (url, port) in pages.items()
        }

    def dsn(self, role: DatabaseRole = DatabaseRole.OWNER, *, database: str = "") -> dict[str, Any]:
        """psycopg2's connection arguments of a role, for the serving database or another one."""
        user, password = self.postgres.login(role)
        return {
            "host": self.postgres.host or self.ports.host,
            "port": self.ports.postgres,
            "user": user,
            "password": password.reveal(),
            "dbname": database or self.postgres.database,
            "connect_timeout": 5,
            "sslmode": self.postgres.sslmode,
            **({"sslrootcert": self.postgres.ca} if self.postgres.ca else {}),
        }


def load(environ: Mapping[str, str]) -> Settings:
    """Settings from a mapping of `TICKHOUSE_…` names.

    Raises:
        SettingsError: names every unknown key and every value that does not parse, at once.
    """
    return override(Settings(), environ)


def override(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings with those that a mapping of `TICKHOUSE_…` names has, in place of theirs.

    Raises:
        SettingsError: as `load`.
    """
    faults: list[str] = []
    defined = list_variables()
    environ = read_secret_files(environ, defined, faults=faults)
    faults += [
        f"{name} is not a setting"
        for name in environ
        if name.startswith(PREFIX) and name not in defined
    ]
    settings = build_group(settings, environ, prefix=PREFIX, faults=faults)
    faults += connection_faults(settings.bootstrap.security, settings.postgres)
    faults += store_faults(settings.store, settings.stream.lake, settings.s3)
    faults += retention_faults(
        settings.lake_keep_days,
        served_days=settings.stream.served_days,
        train_days=settings.forecast.train_days,
    )
    faults += [
        f"{PREFIX}METRICS_{shard.venue.upper()} is too high a port for {shard.program}, which has "
        f"{settings.metrics.port_of(shard)}"
        for shard in settings.feed_shards
        if settings.metrics.port_of(shard) > LARGEST_PORT
    ]
    faults += parse_accounts(settings.trader)[1]
    faults += spark_conf_faults(settings.stream.spark_conf)
    if faults:
        raise SettingsError("; ".join(faults))
    return settings


def from_environment(extra: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process: environment, current world, secrets, `.env`, defaults.

    With an object store the process's `AWS_…` variables are set by them.
    """
    environ = read_environment(os.environ, prefix=PREFIX) | dict(extra or {})
    user_file = read_env(ROOT / ".env", prefix=PREFIX)
    var = Path(environ.get(f"{PREFIX}VAR") or user_file.get(f"{PREFIX}VAR") or ROOT / "var")
    current = {} if extra else read_env(var / "current.env", prefix=PREFIX, is_own=True)
    secrets = read_env(var / "secrets.env", prefix=PREFIX, is_own=True)
    settings = load(merge_layers(user_file, secrets, current, environ))
    set_variables(settings.s3_variables)
    return settings


def set_variables(variables: Mapping[str, str]) -> None:
    """Let this process's clients of an object store, and those of its children, use these."""
    if any(os.environ.get(name) != value for name, value in variables.items()):
        os.environ.update(variables)
        open_bucket.cache_clear()


def list_variables() -> dict[str, tuple[Any, str]]:
    """Every variable's name with its default and what it means, in the order of this file."""
    return dict(describe_variables(Settings(), prefix=PREFIX))
