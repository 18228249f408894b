"""Starts a supervised process with a pause that grows while it ends again and again.

`python -m include.local.restarts NAME HOME [--user USER] [--floor-mb MB] -- COMMAND…` notes the
start in `HOME/restarts`, waits, and becomes the command. supervisord alone starts a process that
lives for some seconds again at once, for ever: on a full disk that cost a broker its topics. With a
floor it also waits until so much space is free.
"""

import os
import pwd
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from include.backoff import Backoff
from include.errors import StateError
from include.setting_fields import MB
from include.state_files import read_checked_file, write_checked_file

FOLDER = "restarts"
WINDOW_S = 300.0
SHORT_LIFE_S = 60.0
FREE_STARTS = 2  # with a short life each, before the first pause
PAUSES = Backoff(first_s=1.0, max_s=30.0)
LOOP = 4
KEPT_STARTS = 20
DISK_POLL_S = 2.0


def recent_starts(home: Path, name: str, *, now_s: float | None = None) -> list[float]:
    """When a process was started within the last five minutes, in seconds since the epoch."""
    now_s = time.time() if now_s is None else now_s
    return [at for at in _read(home / FOLDER / f"{name}.json") if now_s - at < WINDOW_S]


def is_restart_loop(starts: Sequence[float]) -> bool:
    """Whether a process that was started at these recent times ends again and again."""
    return len(starts) >= LOOP


def pause_s(starts: Sequence[float], now_s: float) -> float:
    """How long to wait before the next start: 0, 0, then 1, 2, 4 … 30 s while lives are short."""
    short_lives = 0
    for begin, end in zip(reversed(starts), [now_s, *reversed(starts)], strict=False):
        if end - begin >= SHORT_LIFE_S:
            break
        short_lives += 1
    return PAUSES.longest_s(short_lives - FREE_STARTS) if short_lives >= FREE_STARTS else 0.0


def forget(home: Path) -> None:
    """Forget all starts: `up` starts counting again."""
    shutil.rmtree(home / FOLDER, ignore_errors=True)


def paced_command(
    command: Sequence[str], *, name: str, home: Path, user: str | None, floor_mb: int
) -> list[str]:
    """The command line that starts a command by this module."""
    options = [*(["--user", user] if user else []), "--floor-mb", str(floor_mb)]
    return [sys.executable, "-m", __name__, name, str(home), *options, "--", *command]


def main(argv: Sequence[str]) -> None:
    """Note the start, wait, and become the command."""
    split = argv.index("--")
    (name, home, *flags), command = argv[:split], argv[split + 1 :]
    options = dict(zip(flags[::2], flags[1::2], strict=True))
    folder = Path(home)
    _wait_for_space(folder, int(options.get("--floor-mb", "0")))
    file = folder / FOLDER / f"{name}.json"
    starts = _read(file)
    wait_s = pause_s(starts, time.time())
    if wait_s:
        sys.stderr.write(f"{name} has ended {len(starts)} times: it starts in {wait_s:g} s\n")
        time.sleep(wait_s)
    _write(file, [*starts[1 - KEPT_STARTS :], time.time()])
    if user := options.get("--user"):
        _become(user)
    os.execvp(command[0], list(command))


def _wait_for_space(home: Path, floor_mb: int) -> None:
    is_reported = False
    while (free_mb := shutil.disk_usage(home).free // MB) < floor_mb:
        if not is_reported:
            sys.stderr.write(f"waits for space: {free_mb} MB are free, {floor_mb} are needed\n")
            is_reported = True
        time.sleep(DISK_POLL_S)


def _read(file: Path) -> list[float]:
    try:
        return read_checked_file(file, list[float], or_unchecked=True) or []
    except StateError as error:
        sys.stderr.write(f"{error}; its starts count as none\n")
        return []


def _write(file: Path, starts: Sequence[float]) -> None:
    """Note the starts; a disk that is full must not keep a process from starting."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_checked_file(file, list(starts))
    except OSError as error:
        sys.stderr.write(f"{file} could not be written: {error}\n")


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.chdir("/")
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main(sys.argv[1:])
