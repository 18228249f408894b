"""The image of the Dockerfile, built by buildah, and containers of it as compose would run them.

The base is made by debootstrap, and trusts whom this machine trusts. Containers share a network of
their own (a namespace with nothing but loopback), in which each service has its name and port.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.absences import absent_programs, describe_absence
from tests.support.services import running

BASE = "docker.io/library/python:3.11-slim-bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
AUTHORITIES = Path("/usr/local/share/ca-certificates")
MIRROR = "http://deb.debian.org/debian"


def missing() -> str:
    """Why no image can be built here; empty if one can."""
    if os.geteuid():
        return describe_absence("only root can build an image so", command="sudo ./tickhouse test")
    return absent_programs("buildah", "debootstrap", "ip", package="buildah debootstrap iproute2")


@dataclass
class Images:
    """A store of images of its own, under `folder`."""

    folder: Path

    def run(self, *words: object) -> str:
        """Run buildah; gives what it printed."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    def command(self, *words: object) -> list[str]:
        """The words of a buildah command on this store."""
        places = ("--root", self.folder / "store", "--runroot", self.folder / "running")
        return [str(word) for word in ("buildah", *places, *words)]

    def make_base(self) -> None:
        """The image that the Dockerfile begins with, of Debian's packages."""
        root = self.folder / "base"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root, MIRROR],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (root / "usr/bin/python").symlink_to("python3")
        if AUTHORITIES.is_dir():
            shutil.copytree(AUTHORITIES, root / AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
            subprocess.run(["chroot", root, "update-ca-certificates"], check=True)
        container = self.run("from", "scratch")
        self.run("add", container, root, "/")
        self.run("commit", "--rm", container, BASE)
        shutil.rmtree(root)

    def build(self, name: str, sources: Path) -> None:
        """Build the Dockerfile of `sources`."""
        here = ("--isolation", "chroot", "--network", "host", "--pull=never", "--layers=false")
        self.run("build", *here, "-t", name, sources)

    def close(self) -> None:
        """Remove everything."""
        self.run("rm", "--all")
        self.run("rmi", "--all", "--force")

    @contextmanager
    def container(
        self,
        name: str,
        *,
        hosts: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
        environ: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        hostname: str = "localhost",
    ) -> Iterator["Container"]:
        """A container of an image, in which the hosts have these addresses.

        Commands run in it after the words `before`, those of a network.
        """
        addresses = [f"--add-host={host}:{at}" for host, at in (hosts or {}).items()]
        identity = self.run("from", "--pull=never", *addresses, name)
        options = [
            *("run", "--isolation", "chroot", "--network", "host"),
            f"--hostname={hostname}",  # a name that is known, as a container's own is
            *(f"--volume={here}:{there}" for here, there in (mounts or {}).items()),
            *(f"--env={variable}={value}" for variable, value in (environ or {}).items()),
        ]
        try:
            yield Container([*before, *self.command(*options, identity, "--")])
        finally:
            self.run("rm", identity)


@dataclass(frozen=True)
class Container:
    """Runs commands in a container, as the image's user."""

    words: Sequence[str]

    def run(self, *command: str, seconds: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [*self.words, *command], capture_output=True, text=True, check=False, timeout=seconds
        )

    def running(self, command: Sequence[str], *, log: Path) -> AbstractContextManager[Any]:
        """A command that runs while the block does."""
        return running([*self.words, *command], log=log)


@contextmanager
def loopback_network(hosts: Mapping[str, str]) -> Iterator[list[str]]:
    """A network with nothing but loopback: the words before a command that runs in it.

    The hosts are known there by these addresses.
    """
    name = f"tickhouse-{os.getpid()}"
    names = Path("/etc/netns") / name
    subprocess.run(["ip", "netns", "add", name], check=True)
    before = ["ip", "netns", "exec", name]
    try:
        names.mkdir(parents=True)  # `ip netns exec` mounts it over /etc
        lines = [f"{at} {host}\n" for host, at in {**hosts, "localhost": "127.0.0.1"}.items()]
        (names / "hosts").write_text("".join(lines))
        subprocess.run([*before, "ip", "link", "set", "lo", "up"], check=True)
        yield before
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
        shutil.rmtree(names, ignore_errors=True)
