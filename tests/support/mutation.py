"""Changes a part of the code, one place at a time, and counts what the part's tests notice.

`python -m tests.support.mutation include/market` tries all changes of a part, `--sample 300` so
many drawn by `--seed`, and `--again` of those only the ones that no test has noticed yet;
`docs/mutation.md` has the outcomes.
"""

import argparse
import random
import shutil
from collections import Counter, defaultdict
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test

TESTS = {
    "include/market": (
        "unit/market",
        "unit/lake/test_book_at.py",
        "unit/lake/test_book_seconds.py",
        "unit/lake/test_signal_rows.py",
        "unit/feeds/test_decoder_times.py",
        "unit/trader/test_trader_imbalances.py",
        "unit/trader/test_trader_window_signals.py",
        "unit/trading/test_trading_second_rule.py",
    ),
    "include/trading": (
        "unit/trading",
        "unit/trader/test_trader_boundaries.py",
        "unit/trader/test_rule_files.py",
    ),
    "include/lake": (  # the slow ones left out
        "unit/lake/test_audit.py",
        "unit/lake/test_audit_[!m]*.py",
        "unit/lake/test_ar*.py",
        "unit/lake/test_[!a]*.py",
        "unit/forecast/test_forecast_short_term.py",
        "unit/local/test_examination.py",
    ),
    "streaming/feeds": (
        "unit/feeds/test_decode*.py",
        "unit/feeds/test_deribit_units.py",
        "unit/feeds/test_feed_boundaries.py",
        "unit/feeds/test_feed_quotes.py",
        "unit/feeds/test_*heal*.py",
        "unit/feeds/test_re*.py",
        "unit/feeds/test_trade_sequence.py",
    ),
    "streaming/trader": ("unit/trader",),
    "spark_jobs": (
        "unit/spark_jobs",
        "unit/settings/test_spark_options.py",
        "unit/settings/test_connections.py",
        "unit/settings/test_store_settings.py",
        "unit/market/test_market_asyncapi.py",
        "spark/test_data_files.py",
    ),
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
    if not (environment := Path("mutants/.venv")).exists():
        environment.symlink_to(Path(".venv").resolve())  # with Spark's jars, which tests look for
    mutmut.setup_source_paths()
    mutmut.store_lines_covered_by_tests()
    mutmut.create_mutants(1)
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return sorted(name for _, name, _ in mutants)


def is_noticed(exit_code: int | None) -> bool:
    """Whether a test failed, or never ended, with a change."""
    return mutmut.status_by_exit_code[exit_code] in {"killed", "timeout", "segfault"}


def find_noticed(names: list[str]) -> set[str]:
    """Those that a test of an earlier run noticed."""
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=names)
    return {name for _, name, exit_code in mutants if is_noticed(exit_code)}


def print_outcome(names: list[str], noticed_before: set[str]) -> None:
    """A row for each module, and the names of what no test noticed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=names)
    for _, name, exit_code in mutants:
        noticed = name in noticed_before or is_noticed(exit_code)
        counts[name.rpartition(".")[0]]["noticed" if noticed else "not"] += 1
        if not noticed:
            print(f"{mutmut.status_by_exit_code[exit_code]}: {name}")
    for module, count in sorted(counts.items()):
        print(f"| {module} | {count.total()} | {count['noticed']} |")


def main() -> None:
    """Try the changes, and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=TESTS)
    parser.add_argument("--only", help="names of modules, as `include/market/book*.py`")
    parser.add_argument("--sample", type=int, help="so many changes, not all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="what no test has noticed yet")
    arguments = parser.parse_args()
    tests = [
        str(path) for name in TESTS[arguments.part] for path in sorted(Path("tests").glob(name))
    ]
    config().pytest_add_cli_args_test_selection = tests
    if arguments.again:  # mutmut does not look again which changes an edited test reaches
        Path("mutants/mutmut-stats.json").unlink(missing_ok=True)
    else:  # it changes no file that a run of another part has copied
        shutil.rmtree("mutants", ignore_errors=True)
    names = list_mutants([arguments.only] if arguments.only else configured(arguments.part))
    total = len(names)
    if arguments.sample and arguments.sample < total:
        names = sorted(random.Random(arguments.seed).sample(names, arguments.sample))
    print(f"{len(names)} of {total} changes")
    noticed_before = find_noticed(names) if arguments.again else set()
    mutmut._run([name for name in names if name not in noticed_before], 1)
    print_outcome(names, noticed_before)


if __name__ == "__main__":
    main()
