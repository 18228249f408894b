"""Changes a part of the code, one place at a time, and counts what the part's tests notice.

`python -m tests.support.mutation include/market` tries all changes of a part, `--sample 300` so
many drawn by `--seed`; `docs/mutation.md` has the outcomes.
"""

import argparse
import random
from collections import Counter, defaultdict
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test

UNIT = Path("tests/unit")
TESTS = {
    "include/market": (
        "market",
        "lake/test_book_at.py",
        "lake/test_signal_rows.py",
        "feeds/test_decoder_times.py",
        "trader/test_trader_imbalances.py",
        "trader/test_trader_window_signals.py",
        "trading/test_trading_second_rule.py",
    ),
    "include/trading": ("trading", "trader/test_trader_boundaries.py", "trader/test_rule_files.py"),
    "include/lake": ("lake",),
    "streaming/feeds": (
        "feeds/test_decode*.py",
        "feeds/test_deribit_units.py",
        "feeds/test_feed_boundaries.py",
        "feeds/test_feed_quotes.py",
        "feeds/test_*heal*.py",
        "feeds/test_recorded_connections.py",
        "feeds/test_rejected_parts.py",
        "feeds/test_trade_sequence.py",
    ),
    "streaming/trader": ("trader",),
    "spark_jobs": ("settings", "market/test_market_asyncapi.py", "spark_jobs"),
}


def configured(part: str) -> list[str]:
    """What of a part is changed, by pyproject.toml."""
    return [pattern for pattern in config().only_mutate if pattern.startswith(part)]


def list_mutants(patterns: list[str]) -> list[str]:
    """The names of all changes of these files, in order."""
    config().only_mutate = patterns
    set_mutant_under_test("mutant_generation")
    mutmut.makedirs("mutants", exist_ok=True)
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.setup_source_paths()
    mutmut.store_lines_covered_by_tests()
    mutmut.create_mutants(1)
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return sorted(name for _, name, _ in mutants)


def print_outcome(names: list[str]) -> None:
    """A row for each module, and the names of what no test noticed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=names)
    for _, name, exit_code in mutants:
        status = mutmut.status_by_exit_code[exit_code]
        noticed = status in {"killed", "timeout", "segfault"}
        counts[name.rpartition(".")[0]]["noticed" if noticed else "not"] += 1
        if not noticed:
            print(f"{status}: {name}")
    for module, count in sorted(counts.items()):
        print(f"| {module} | {count.total()} | {count['noticed']} |")


def main() -> None:
    """Try the changes, and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=TESTS)
    parser.add_argument("--only", help="names of modules, as `include/market/book*.py`")
    parser.add_argument("--sample", type=int, help="so many changes, not all")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tests = [str(path) for name in TESTS[arguments.part] for path in sorted(UNIT.glob(name))]
    config().pytest_add_cli_args_test_selection = tests
    names = list_mutants([arguments.only] if arguments.only else configured(arguments.part))
    total = len(names)
    if arguments.sample and arguments.sample < total:
        names = sorted(random.Random(arguments.seed).sample(names, arguments.sample))
    print(f"{len(names)} of {total} changes")
    mutmut._run(names, 1)
    print_outcome(names)


if __name__ == "__main__":
    main()
