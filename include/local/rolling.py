"""Programs restarted one after the other, each when the one before it does its work again."""

import time
from collections.abc import Sequence

from include.errors import PlatformError
from include.local.bridging import has_bridge, restart_behind_bridge
from include.local.program import BRIDGE, Program
from include.local.programs import STREAM, list_programs
from include.local.supervisor import SupervisorClient
from include.log import PrintLine
from include.market.feed_shards import FeedShard, split_feed_name
from include.market.venues import VENUES
from include.serving.stream_progress import progress_file
from include.settings import Settings

LOOK_EVERY_S = 0.2


def restart_programs(
    settings: Settings, supervisor: SupervisorClient, names: Sequence[str], *, print_line: PrintLine
) -> None:
    """Restart programs by name, in this order, each once; they read the settings again.

    Raises:
        PlatformError: there is no such program, and none is stopped; or one is not ready in time,
            and those behind it are left alone.
        Unreachable: no supervisor answers.
    """
    for program in _find_programs(settings, supervisor, list(dict.fromkeys(names))):
        print_line(f"restarting {program.name}")
        began = time.monotonic()
        if has_bridge(supervisor, program.name):
            _replace_feed(settings, supervisor, program)
            print_line(f"ready: {program.name} ({time.monotonic() - began:.0f} s), by its bridge")
            continue
        supervisor.stop(program.name)
        if program.name == STREAM:
            progress_file(settings).unlink(missing_ok=True)  # by it the stopped one is ready
        supervisor.start(program.name)
        await_ready(settings, supervisor, program)
        print_line(f"ready: {program.name} ({time.monotonic() - began:.0f} s)")


def _replace_feed(settings: Settings, supervisor: SupervisorClient, program: Program) -> None:
    """Restart a feed so that another process follows its venue at every moment."""
    try:
        restart_behind_bridge(settings, supervisor, program.name)
    except PlatformError as error:
        line = last_log_line(settings, f"{program.name}{BRIDGE}")
        raise PlatformError(f"{error}; the last line of its bridge: {line}") from error
    await_ready(settings, supervisor, program)


def await_ready(settings: Settings, supervisor: SupervisorClient, program: Program) -> None:
    """Wait until a program that was started does its work.

    Raises:
        PlatformError: it does not in time; with the last line that it logged.
    """
    deadline = time.monotonic() + program.ready_s
    while not (supervisor.runs(program.name) and program.ready()):
        if time.monotonic() > deadline:
            line = last_log_line(settings, program.name)
            raise PlatformError(
                f"{program.name} was not ready within {program.ready_s:.0f} s; its last line: "
                f"{line} (./tickhouse logs {program.name})"
            )
        time.sleep(LOOK_EVERY_S)


def last_log_line(settings: Settings, name: str) -> str:
    """The last line that a process logged, cut to a screen's width or so."""
    log = settings.home / "logs" / f"{name}.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:300] if lines else "nothing"


def _refuse_other_shards(
    settings: Settings, supervised: Sequence[str], names: Sequence[str]
) -> None:
    """A feed whose shards are others by now has them with the next `up`, and not one by one."""
    for venue in VENUES:
        shards = {shard.program for shard in settings.feed_shards if shard.venue == venue}
        running = {
            name for name in supervised if split_feed_name(name)[0] == FeedShard(venue).program
        }
        if shards != running and shards & running & set(names):
            raise PlatformError(
                f"by the settings as they are now the feed of {venue} is "
                f"{', '.join(sorted(shards))}"
                f", and {', '.join(sorted(running))} run: ./tickhouse down, then up"
            )


def _find_programs(
    settings: Settings, supervisor: SupervisorClient, names: Sequence[str]
) -> list[Program]:
    """The programs of these names: the supervisor has them, and so have the settings."""
    programs = {program.name: program for program in list_programs(settings)}
    supervised = [process.name for process in supervisor.processes()]
    _refuse_other_shards(settings, supervised, names)
    for name in names:
        if name not in supervised:
            existing = ", ".join(supervised)
            raise PlatformError(f"no process is named {name!r}; there are {existing}")
        if name not in programs:
            raise PlatformError(
                f"by the settings as they are now there is no {name}: ./tickhouse down, then up"
            )
    return [programs[name] for name in names]
