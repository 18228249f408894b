"""Settings: frozen dataclasses built once from a mapping, with every fault reported at once.

A setting is a `TICKHOUSE_…` variable. The environment wins over `var/current.env` (what the last
`./tickhouse up` chose), that over `var/secrets.env` (generated), that over `.env` (yours), and
those over the defaults written here. `.env.example` lists every one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.errors import SettingsError
from include.settings.env import built, named, read_env, setting
from include.settings.forecast import Forecast, Quality
from include.settings.groups import (
    Airflow,
    Dashboard,
    Kafka,
    Ports,
    Postgres,
    Simulator,
    SqlServer,
    Stream,
    Supervisor,
    Trader,
)
from include.settings.monitoring import Alerts, Metrics
from include.settings.venues import Venues

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "TICKHOUSE_"


@dataclass(frozen=True)
class Settings:
    """All settings of one process, with the folders that follow from them."""

    world: str = setting("sim", "world to run: sim, live, or a tape's name")
    var: Path = setting(ROOT / "var", "folder of all run-time state")
    ports: Ports = field(default_factory=Ports)
    kafka: Kafka = field(default_factory=Kafka)
    postgres: Postgres = field(default_factory=Postgres)
    airflow: Airflow = field(default_factory=Airflow)
    supervisor: Supervisor = field(default_factory=Supervisor)
    venues: Venues = field(default_factory=Venues)
    simulator: Simulator = field(default_factory=Simulator)
    stream: Stream = field(default_factory=Stream)
    sql_server: SqlServer = field(default_factory=SqlServer)
    forecast: Forecast = field(default_factory=Forecast)
    quality: Quality = field(default_factory=Quality)
    trader: Trader = field(default_factory=Trader)
    dashboard: Dashboard = field(default_factory=Dashboard)
    alerts: Alerts = field(default_factory=Alerts)
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def home(self) -> Path:
        """The folder of this world."""
        return self.var / self.world

    @property
    def lake(self) -> str:
        """The lake's URI or path."""
        return self.stream.lake or str(self.home / "lake")

    @property
    def forecasts(self) -> Path:
        """The folder of published forecasts."""
        return self.home / "forecasts"

    @property
    def bootstrap(self) -> str:
        """Kafka's host:port list."""
        return self.kafka.bootstrap or f"{self.ports.host}:{self.ports.kafka}"

    @property
    def simulator_url(self) -> str:
        """Base HTTP URL of the simulated venues."""
        return self.simulator.url or f"http://{self.ports.host}:{self.ports.simulator}"

    @property
    def airflow_url(self) -> str:
        """Base URL of Airflow's API server."""
        return self.airflow.url or f"http://{self.ports.host}:{self.ports.airflow}"

    def dsn(self, *, database: str = "") -> dict[str, Any]:
        """psycopg2's connection arguments for the serving database or another one."""
        return {
            "host": self.postgres.host or self.ports.host,
            "port": self.ports.postgres,
            "user": self.postgres.user,
            "password": self.postgres.password.reveal(),
            "dbname": database or self.postgres.database,
            "connect_timeout": 5,
        }


def load(environ: Mapping[str, str]) -> Settings:
    """Settings from a mapping of `TICKHOUSE_…` names.

    Raises:
        SettingsError: names every unknown key and every value that does not parse, at once.
    """
    faults: list[str] = []
    known = variables()
    faults += [
        f"{name} is not a setting"
        for name in environ
        if name.startswith(PREFIX) and name not in known
    ]
    settings = built(Settings(), environ, prefix=PREFIX, faults=faults)
    if faults:
        raise SettingsError("; ".join(faults))
    return settings


def from_environment(extra: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process: environment, current world, secrets, `.env`, defaults."""
    own = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    own |= dict(extra or {})
    yours = read_env(ROOT / ".env", prefix=PREFIX)
    var = Path(own.get(f"{PREFIX}VAR") or yours.get(f"{PREFIX}VAR") or ROOT / "var")
    current = {} if extra else read_env(var / "current.env", prefix=PREFIX)
    return load(yours | read_env(var / "secrets.env", prefix=PREFIX) | current | own)


def variables() -> dict[str, tuple[Any, str]]:
    """Every variable's name with its default and what it means, in the order of this file."""
    return dict(named(Settings(), prefix=PREFIX))
