"""A module that ends as its argument says: `python -m tests.support.spoken_child HOW`."""

import os
import signal
import sys
import time


def main(how: str) -> None:
    print("a line of its log", flush=True)
    if how == "number":
        print("4320", flush=True)
    elif how == "waits":
        print(f"pid {os.getpid()}", flush=True)
        time.sleep(60)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how.startswith("error"):
        print(how, file=sys.stderr, flush=True)
        print("more of it", file=sys.stderr, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
