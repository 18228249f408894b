"""Which world `up` starts: its settings, and the file that every other command reads them from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.atomic_files import write_file
from include.errors import PlatformError, SettingsError
from include.market.venues import VENUES
from include.settings import LIVE, PREFIX, Settings, from_environment
from include.settings.env import read_env
from include.settings.env_file import write_env

CURRENT = "current.env"
SECRETS = "secrets.env"
SIMULATED, CLUSTER = "sim", "cluster"
SYMBOL_OF_TAPE = {"btcusd": "BTC-USD"}


def world_variables(
    *,
    live: bool = False,
    tape: Path | None = None,
    speed: float = 1.0,
    history: str = "",
    extras: tuple[str, ...] = (),
    cluster: bool = False,
) -> dict[str, str]:
    """The variables of the world that the flags of `up` ask for.

    Raises:
        SettingsError: the flags contradict each other, or the tape or history is not there.
    """
    if live and tape:
        raise SettingsError("--live and --tape are two different worlds: give one of them")
    if cluster and (live or tape):
        raise SettingsError("--cluster has a simulated market: give it without --live and --tape")
    if speed <= 0:
        raise SettingsError(f"--speed {speed}: must be above zero")
    world = LIVE if live else tape.name if tape else CLUSTER if cluster else SIMULATED
    variables = {"WORLD": world}
    if tape:
        variables |= _tape_variables(tape, speed)
    if history:
        variables["FORECAST_HISTORY"] = _resolve_history(history)
    if "sql-server" in extras:
        variables["SQL_SERVER_START"] = "yes"
    return {PREFIX + name: value for name, value in variables.items()}


def simulated_addresses(settings: Settings) -> dict[str, str]:
    """The variables that point every venue at the simulated ones."""
    http = settings.simulator_url
    sockets = http.replace("http://", "ws://")
    venues = [name.upper() for name in VENUES]
    rests = [*venues, "COINBASE", "BITSTAMP", "KRAKEN", "CRYPTOCOMPARE"]
    return {
        **{f"{PREFIX}VENUES_{name}_WS_URL": sockets for name in venues},
        **{f"{PREFIX}VENUES_{name}_REST_URL": http for name in rests},
        f"{PREFIX}VENUES_GEMINI_ORDERS": http,
    }


def enter_world(flags: dict[str, str]) -> Settings:
    """Settings of the chosen world, written down for every process and later command."""
    base = from_environment(flags)
    if base.world != LIVE:
        flags = flags | simulated_addresses(base)
    settings = from_environment(flags)
    settings.var.mkdir(parents=True, exist_ok=True)
    write_private(settings.var / CURRENT, flags)
    return settings


@contextmanager
def entered_world(flags: dict[str, str]) -> Iterator[Settings]:
    """As `enter_world`; if the block fails, the world that was chosen before is chosen again."""
    current = from_environment(flags).var / CURRENT
    before = current.read_bytes() if current.exists() else None
    try:
        yield enter_world(flags)
    except BaseException:
        if before is None:
            current.unlink(missing_ok=True)
        else:
            write_file(current, before, mode=0o600)
        raise


def ensure_secrets(var: Path, generated: dict[str, str]) -> None:
    """Write the generated secrets that are not there yet; readable by their owner alone."""
    var.mkdir(parents=True, exist_ok=True)
    existing = read_env(var / SECRETS, prefix=PREFIX, is_own=True)
    if generated.keys() - existing.keys():
        write_private(var / SECRETS, generated | existing)


def write_private(path: Path, variables: dict[str, str]) -> None:
    """Write `NAME=value` lines whole or not at all, mode 0600."""
    write_file(path, write_env(variables), mode=0o600)


def _tape_variables(tape: Path, speed: float) -> dict[str, str]:
    for ending in (".jsonl.gz", ".recv.txt.gz"):
        if not tape.with_name(tape.name + ending).exists():
            raise SettingsError(f"--tape {tape}: {tape.name}{ending} does not exist")
    symbol = SYMBOL_OF_TAPE.get(tape.name.partition("_")[0])
    if symbol is None:
        raise SettingsError(
            f"--tape {tape}: only Gemini tapes can be replayed; their names begin with one of "
            + ", ".join(SYMBOL_OF_TAPE)
        )
    return {
        "SIMULATOR_TAPE": str(tape.resolve()),
        "SIMULATOR_SPEED": str(speed),
        "VENUES_GEMINI_SYMBOLS": symbol,
    }


def _resolve_history(history: str) -> str:
    if "://" in history or history.startswith("kaggle:"):
        return history
    if not Path(history).exists():
        raise PlatformError(f"--history {history}: there is no such file")
    return str(Path(history).resolve())
