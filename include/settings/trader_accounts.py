"""The accounts of the one trader process: a venue, a symbol, a rule, and settings of its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache

from include.settings.env import build_group
from include.settings.groups import TraderSettings

PREFIX = "TICKHOUSE_TRADER_"
OF_ALL = ("account", "more_accounts", "real_money")  # not an account's own
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@lru_cache(maxsize=64)
def parse_accounts(trader: TraderSettings) -> tuple[Mapping[str, TraderSettings], Sequence[str]]:
    """The settings of each account by its name, that of `TICKHOUSE_TRADER_ACCOUNT` first.

    And a sentence for each thing that cannot be.
    """
    accounts, faults = {trader.account: trader}, list[str]()
    for entry in filter(None, map(str.strip, trader.more_accounts.split(";"))):
        name, *pairs = entry.split()
        if name in accounts:
            faults.append(f"{PREFIX}MORE_ACCOUNTS: account {name} is there twice")
            continue
        of_account: list[str] = []
        values = {"ACCOUNT": name} | dict(_read_pairs(pairs, faults=of_account))
        environ = {PREFIX + key: text for key, text in values.items()}
        accounts[name] = build_group(trader, environ, prefix=PREFIX, faults=of_account)
        faults += [f"{PREFIX}MORE_ACCOUNTS: account {name}: {fault}" for fault in of_account]
    faults += _find_conflicts(accounts)
    return accounts, faults


def _read_pairs(pairs: list[str], *, faults: list[str]) -> Iterator[tuple[str, str]]:
    names = {spec.name for spec in fields(TraderSettings)}.difference(OF_ALL)
    for pair in pairs:
        name, is_pair, text = pair.partition("=")
        if is_pair and name in names:
            yield name.upper(), text
        else:
            faults.append(f"{pair!r} is not SETTING=VALUE with a setting of the trader's")


def _find_conflicts(accounts: Mapping[str, TraderSettings]) -> Iterator[str]:
    for name, trader in accounts.items():
        if not _NAME.fullmatch(name):
            yield f"account {name!r}: a name has letters (a to z), digits and `-`, 32 at most"
        if trader.ratio_low >= trader.ratio_high:
            of_account = f"account {name}: " if len(accounts) > 1 else ""
            yield (
                f"{of_account}{PREFIX}RATIO_LOW={trader.ratio_low} is not below "
                f"…_RATIO_HIGH={trader.ratio_high}"
            )
    at_gemini = [name for name, trader in accounts.items() if trader.broker == "gemini"]
    if len(at_gemini) > 1:
        yield (
            f"the accounts {' and '.join(at_gemini)} have the broker gemini: there is one account "
            "at Gemini, whose balances can be those of one; set broker=paper for the others"
        )
