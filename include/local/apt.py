"""Packages of Debian that this machine lacks, installed where that is allowed."""

import os
import shutil
import subprocess


def install_packages(*packages: str) -> None:
    """Install them with apt if this user may; else, or if it fails, nothing happens."""
    if not packages or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    # In run level 1 no package starts a service of its own.
    prefix = ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    for command in (["update", "-qq"], ["install", "-y", "-qq", *packages]):
        subprocess.run([*prefix, *command], check=False, capture_output=True)
