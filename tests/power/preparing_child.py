"""Makes a server's folder as `up` does: `python -m tests.power.preparing_child kafka|postgres`."""

import sys

from include.local import kafka, postgres
from include.settings import from_environment


def main(name: str) -> None:
    settings = from_environment()
    {"kafka": kafka.prepare, "postgres": postgres.prepare}[name](settings)
    print("prepared", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
