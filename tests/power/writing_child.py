"""Writes by one mechanism until it is killed: `python -m tests.power.writing_child NAME FOLDER N`.

Begins at number N; each number that is promised to be durable is a line of its output.
"""

import sys
from pathlib import Path

from tests.power.mechanisms import MECHANISMS


def main(name: str, folder: str, first: str) -> None:
    for number in MECHANISMS[name].write(Path(folder), int(first)):
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
