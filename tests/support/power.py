"""A disk whose power can be cut: an ext4 image that loses whatever was not synced.

`EXT4_IOC_SHUTDOWN` without flushing the log stops the file system at once: what is not on the
device then (unsynced file contents, names, lengths) is gone after the next mount, as it would be
after a power cut. ext4's own habits that hide a missing sync are off: `noauto_da_alloc` (it would
write a file that replaces another before the rename) and its commit every five seconds
(`commit=60`). One is left: a sync of any file commits all names so far, so a missing sync of a
folder shows only if nothing else was synced since.
"""

import contextlib
import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.absences import absent_programs, describe_absence

EXT4_IOC_SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
MOUNT_OPTIONS = "loop,commit=60,noauto_da_alloc"
UMOUNT_S = 60.0


def unavailable() -> str | None:
    """Why no such disk can be had here, in a sentence; nothing if it can."""
    if os.geteuid() != 0:
        return describe_absence(
            "a power cut needs root, to mount an ext4 image",
            command="sudo ./tickhouse test tests/power",
        )
    if reason := absent_programs("mkfs.ext4", package="e2fsprogs"):
        return reason
    if not Path("/dev/loop-control").exists():
        return describe_absence("a power cut needs loop devices", command="modprobe loop")
    return None


class PowerDisk:
    """An ext4 file system in a file of `folder`, mounted at `path`."""

    def __init__(self, folder: Path, *, size_mb: int) -> None:
        """Make it and mount it. Its file takes only the room that is written."""
        self.image, self.path = folder / "disk.ext4", folder / "disk"
        self.path.mkdir(parents=True)
        with self.image.open("wb") as file:
            file.truncate(size_mb * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(self.image))
        self.mount()

    def mount(self) -> None:
        """Mount it; after a cut this replays its journal."""
        _run("mount", "-o", MOUNT_OPTIONS, str(self.image), str(self.path))

    def shut_down(self) -> None:
        """Cut the power: from here on every write fails, and nothing more reaches the device."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def sync_names(self) -> None:
        """Sync a file that nobody needs: ext4 then has every name so far, without the contents."""
        with (self.path / "synced").open("wb") as file:
            os.fsync(file.fileno())

    def cut(self, *roots: int, names: bool = False) -> None:
        """Cut the power, end the processes of the pids `roots` and their children, mount again.

        With `names` the names of all files are durable already, as another program's sync leaves
        them: unsynced files are there, and empty.
        """
        before = family(roots, var=self.path)
        if names:
            self.sync_names()
        self.shut_down()
        kill(before)
        self.unmount()
        self.mount()

    def unmount(self, *, timeout_s: float = UMOUNT_S) -> None:
        """Unmount; ends processes of an installation on it that still hold it.

        Raises:
            AssertionError: something else holds it.
        """
        deadline = time.monotonic() + timeout_s
        while os.path.ismount(self.path):
            command = ["umount", str(self.path)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                continue
            kill(family((), var=self.path))
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.path} is held by {holders(self.path)}")
            time.sleep(0.05)

    def remove(self) -> None:
        """Unmount it and delete it."""
        self.unmount()
        self.image.unlink(missing_ok=True)
        self.path.rmdir()


@contextmanager
def power_disk(folder: Path, *, size_mb: int) -> Iterator[PowerDisk]:
    """A disk that is unmounted and deleted at the end, whatever happened."""
    disk = PowerDisk(folder, size_mb=size_mb)
    try:
        yield disk
    finally:
        disk.remove()


def family(roots: Iterable[int], *, var: Path) -> list[psutil.Process]:
    """The processes of the pids, all their descendants, and every process of that installation.

    A process belongs to an installation if its TICKHOUSE_VAR lies below `var`: so those count too
    whose parent is gone.
    """
    known: dict[int, psutil.Process] = {}
    tops = [process for process in psutil.process_iter() if _belongs(process, var)]
    for pid in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            tops.append(psutil.Process(pid))
    for top in tops:
        with contextlib.suppress(psutil.NoSuchProcess):
            known |= {process.pid: process for process in (top, *top.children(recursive=True))}
    known.pop(os.getpid(), None)
    return list(known.values())


def kill(processes: Iterable[psutil.Process], *, timeout_s: float = 30.0) -> None:
    """SIGKILL them all at once and wait until they are gone."""
    victims = list(processes)
    for process in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(victims, timeout=timeout_s)
    left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not left, f"still alive {timeout_s} s after SIGKILL: {left}"


def holders(folder: Path) -> list[str]:
    """The processes with a file or their working folder below `folder`, as `pid command`."""
    named = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            links = [Path(f"/proc/{process.pid}/cwd"), *Path(f"/proc/{process.pid}/fd").iterdir()]
            if any(str(link.readlink()).startswith(str(folder)) for link in links):
                named.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
    return named


def _belongs(process: psutil.Process, var: Path) -> bool:
    try:
        own = process.environ().get("TICKHOUSE_VAR", "")
    except (psutil.Error, OSError):
        return False
    return own == str(var) or own.startswith(f"{var}/")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
