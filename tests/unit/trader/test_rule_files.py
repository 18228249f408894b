"""A user's own rule is the strategy's rule, and one that is not pure is refused with its line."""

from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest

from include.errors import SettingsError
from include.market.events import Decision, Top
from include.market.time import MINUTE_US
from include.settings import Settings, override
from include.trading.account import Account
from include.trading.decision import RULES, order_for, rederive
from include.trading.inputs import SeenTop, Signal, read
from include.trading.strategy import Strategy
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.rule_files import find_rule, rule_failure
from streaming.trader.trace.checks import check_decision
from tests.support.trading_parameters import PARAMETERS

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "take_profit.py"
TEN = 1_524_564_000_000_000
RULE = """
class Mine:
    name = "mine"
    signal_type = "price_volume"
    def desired_side(self, inputs):
        {body}
"""


class Curve:
    """A level of 100 with bounds of 1 to either side, at every minute."""

    forecast_id, trained_until, volatility = "c", TEN, 0.002

    def side_at(self, minute_us: int) -> str:
        return "buy"

    def level_at(self, minute_us: int) -> float:
        return 100.0

    def bounds_at(self, minute_us: int) -> tuple[float, float]:
        return 99.0, 101.0


@pytest.fixture(autouse=True)
def _only_own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr("include.trading.decision.RULES", RULES)
    before = dict(RULES)
    yield  # type: ignore[misc]
    RULES.clear()
    RULES.update(before)


def write_rule(folder: Path, body: str = "return None", *, head: str = "") -> str:
    path = folder / "mine.py"
    path.write_text(head + RULE.format(body=body))
    return f"{path}:Mine"


def decide(reference: str, *, mid: str = "100", base: str = "0") -> Decision:
    account = Account(quote=D(10_000), base=D(base))
    strategy = Strategy(PARAMETERS, account, rule=find_rule(reference).name)
    top = Top(D(mid) - D("0.01"), D(50), D(mid) + D("0.01"), D(50))
    return strategy.decide(
        Signal("gemini", "BTC-USD", "price_volume", D(1), TEN + MINUTE_US, TEN),
        forecast=Curve(),  # type: ignore[arg-type]
        top=SeenTop(TEN + MINUTE_US - 1, top),
    )


@pytest.mark.parametrize(
    ("body", "base", "action", "reasons"),
    [
        ("return 'buy'", "0", "buy", "buy"),
        ("return 'sell'", "1", "sell", "sell"),
        ("return 'sell'", "0", "hold", "nothing_to_sell"),
        ("return None", "0", "hold", "rule_holds"),
        ("return 'BUY'", "0", "hold", "rule_failed"),
        ("return 1 / 0", "0", "hold", "rule_failed"),
        ("return 'buy' if inputs.top.best.bid > 1_000_000 else None", "0", "hold", "rule_holds"),
    ],
)
def test_the_users_rule_decides(
    tmp_path: Path, body: str, base: str, action: str, reasons: str
) -> None:
    decision = decide(write_rule(tmp_path, body), base=base)
    assert (decision.action, decision.reasons, decision.rule) == (action, reasons, "mine")
    assert rederive(decision) == decision
    assert check_decision(decision).ok


def test_why_a_rule_failed_can_be_read(tmp_path: Path) -> None:
    decide(write_rule(tmp_path, "return {}['k']"))
    assert rule_failure("mine") == "KeyError: 'k'"
    assert rule_failure("forecast_and_ratio") == ""


def test_the_example_of_the_documents_buys_and_waits_for_its_profit() -> None:
    strategy = Strategy(
        PARAMETERS, Account(quote=D(10_000)), rule=find_rule(f"{EXAMPLE}:TakeProfit").name
    )
    steps = [("100", "2"), ("100", "0.5"), ("100.3", "0.5"), ("100.6", "3"), ("100.6", "2")]
    actions = []
    for minute, (bid, ratio) in enumerate(steps):
        end = TEN + (minute + 1) * MINUTE_US
        top = Top(D(bid), D(500), D(bid) + D("0.01"), D(500))
        decision = strategy.decide(
            Signal("gemini", "BTC-USD", "price_volume", D(ratio), end, end - MINUTE_US),
            forecast=Curve(),  # type: ignore[arg-type]
            top=SeenTop(end - 1, top),
        )
        actions.append((decision.action, decision.reasons))
        if order := order_for(decision, broker="paper"):
            filled, fills = PaperBroker(D(40)).place(order, SeenTop(end - 1, top))
            strategy.settle(filled, fills)
    holds = ("hold", "rule_holds")
    assert actions == [holds, ("buy", "buy"), holds, ("sell", "sell"), holds]


def test_the_file_of_a_decision_is_recorded_and_a_changed_one_is_reported(tmp_path: Path) -> None:
    decision = decide(write_rule(tmp_path, "return 'buy'"))
    digest = read(decision.inputs).rule_digest
    assert digest is not None and len(digest) == 64
    find_rule(write_rule(tmp_path, "return None"))
    check = check_decision(decision)
    assert not check.ok and digest in check.detail
    assert read(decide("forecast_and_ratio").inputs).rule_digest is None


@pytest.mark.parametrize(
    ("head", "body", "fault"),
    [
        ("import time\n", "return None", "line 1: import of time"),
        ("from os import path\n", "return None", "line 1: import of os"),
        ("import include.bus\n", "return None", "line 1: import of include.bus"),
        ("import include.marketing\n", "return None", "import of include.marketing"),
        ("from . import other\n", "return None", "import of ."),
        ("", "import random; return None", "line 6: import of random"),
        ("", "self.last = 1; return None", "line 6: self.last is assigned"),
        ("", "inputs.x += 1; return None", "line 6: inputs.x is assigned"),
        ("SEEN = []\n", "return None", "line 1: [] could change"),
        ("SEEN: dict = {}\n", "return None", "line 1: {} could change"),
        ("def f(x=[]): return x\n", "return None", "line 1: [] could change"),
        ("SEEN = list()\n", "return None", "SEEN: a list can change"),
        ("SEEN = ([],)\n", "return None", "SEEN: a list can change"),
        ("from collections import deque\nSEEN = deque(maxlen=3)\n", "return None", "SEEN: a deque"),
        ("from itertools import count\nN = count()\n", "return None", "N: a count can change"),
        ("N = (n for n in range(9))\n", "return None", "N: a generator can change"),
        ("class A:\n    seen = dict()\n", "return None", "A.seen: a dict can change"),
        ("def f(x=list()): return x\n", "return None", "f: a list can change"),
        ("def f(*, x=set()): return len(x)\n", "return None", "f: a set can change"),
        (
            "def f():\n    seen = []\n    return lambda: seen.append(1)\nG = f()\n",
            "return None",
            "G: a list can change",
        ),
        (
            "from functools import partial\nG = partial(max, [1])\n",
            "return None",
            "G: a list can change",
        ),
        ("if True:\n    SEEN = {}\n", "return None", "SEEN: a dict can change"),
        (
            "from typing import NamedTuple\nclass A(NamedTuple):\n    x: list\nS = A(list())\n",
            "return None",
            "S: a list can change",
        ),
        ("from enum import Enum\nclass A(Enum):\n    X = list()\n", "return None", "A.X: a list"),
        (
            "from enum import Enum\nclass A(Enum):\n    X = (list(),)\n",
            "return None",
            "A.X: a list",
        ),
        ("_seen_ = list()\n", "return None", "_seen_: a list can change"),
        ("__seen__ = list()\n", "return None", "__seen__: a list can change"),
        (
            "class A:\n    def __call__(self, s=list()): return s\n",
            "return None",
            "A.__call__: a list",
        ),
        ("PUSH = list().append\n", "return None", "PUSH: a list can change"),
        (
            "from functools import partialmethod\nclass A:\n"
            "    def f(self, s): return s\n    g = partialmethod(f, list())\n",
            "return None",
            "A.g: a list can change",
        ),
        (
            "async def f():\n    yield 1\nG = f()\n",
            "return None",
            "G: a async_generator can change",
        ),
        ("class A:\n    def __init__(self): self.s = []\nB = A()\n", "return None", "B.s: a list"),
        ("SEEN = dict\n", "d = SEEN; d['x'] = 1", "line 7: d['x'] is assigned"),
        ("", "inputs['x'] = 1", "line 6: inputs['x'] is assigned"),
        ("", "inputs = {}; inputs['x'] = 1; inputs = None", "line 6: inputs['x'] is assigned"),
        ("", "d = {}; f = lambda: d.__init__()", "line 6: d.__init__: a rule has no clock"),
        ("class A:\n    def set(self): self.x = 1\n", "return None", "line 2: self.x is assigned"),
        (
            "class A:\n    def __init__(self):\n        def f(): self.x = 1\n        self.f = f\n",
            "return None",
            "line 3: self.x is assigned",
        ),
        ("", "return hash('x')", "line 6: hash"),
        ("", "return id(inputs)", "line 6: id"),
        ("import decimal\n", "decimal.getcontext()", "line 7: decimal.getcontext"),
        ("from decimal import getcontext as g\n", "return None", "line 1: getcontext"),
        ("from statistics import NormalDist\n", "NormalDist().samples(1)", "samples"),
        ("", "global N; N = 1; return None", "line 6: global N"),
        ("", "return open('x')", "line 6: open: a rule reads and writes nothing"),
        ("", "return eval('1')", "line 6: eval"),
        ("", "return inputs.__class__", "line 6: inputs.__class__"),
        ("from datetime import datetime\n", "return datetime.now()", "import of datetime"),
        ("", "return inputs.signal.today()", "line 6: inputs.signal.today"),
        ("from functools import lru_cache\n", "return None", "line 1: lru_cache: a rule keeps"),
        ("import functools\n", "functools.cache(max)", "line 7: functools.cache: a rule keeps"),
        ("", "return next(iter({'buy', 'sell'}))", "line 6: {'buy', 'sell'}: the order of a set"),
        ("", "return [*{'buy'}][0]", "{'buy'}: the order of a set"),
        ("", "return min({'a', 'b'}, key=len)", "{'a', 'b'}: the order of a set"),
        ("", "x = {'a', 'b'}; return [s for s in x][0]", "line 6: x: the order of a set"),
        ("", "x = {'a'} | {'b'}; return x.pop()", "line 6: x: the order of a set"),
        ("", "for s in set('ab'): return s", "set('ab'): the order of a set"),
        ("", "return str({'a', 'b'} - {'c'})", "{'a', 'b'} - {'c'}: the order of a set"),
        ("", "return f\"{frozenset('ab')}\"", "frozenset('ab'): the order of a set"),
        ("", "return [*map(set, ['ab'])]", "line 6: set: the order of a set"),
        ("", "d = dict(a=1); return [*(d.keys() & d.keys())]", "d.keys() & d.keys(): the order"),
        ("", "a = dict(a=1).keys(); b = a; return [*(b & a)]", "b & a: the order of a set"),
        ("def f(x: None | frozenset):\n    return [*x]\n", "return None", "line 2: x: the order"),
        (
            "from typing import Optional\ndef f(x: 'Optional[frozenset[str]]'):\n    return [*x]\n",
            "return None",
            "line 3: x: the order",
        ),
        ("N = frozenset('ab')\n", "return [*N]", "line 7: N: the order of a set"),
        ("def f(x: frozenset[str]):\n    return [*x]\n", "return None", "line 2: x: the order"),
        ("def f(*, x=frozenset('ab')):\n    return [*x]\n", "return None", "line 2: x: the order"),
        ("N = (frozenset('ab'), 1)\n", "return [*N[0]]", "line 1: frozenset('ab'): the order"),
        ("from keyword import kwlist\n", "return None", "import of keyword"),
        ("from decimal import *\n", "return None", "line 1: *: name what you import"),
        ("import statistics\n", "statistics.random.random()", "line 7: statistics.random: import"),
        ("from statistics import random\n", "return None", "line 1: from statistics import random"),
        ("import collections as c\n", "return c._sys.path", "line 7: c._sys: import of sys"),
        ("import statistics\nS = statistics\n", "S.random.seed(1)", "line 2: statistics: import"),
        ("import include.market.time\n", "return include.errors", "include.errors: import"),
        ("", "return (", "cannot be read"),
    ],
)
def test_a_rule_that_is_not_pure_is_refused_with_its_line(
    tmp_path: Path, head: str, body: str, fault: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        find_rule(write_rule(tmp_path, body, head=head))
    assert fault in str(refused.value) and "mine.py" in str(refused.value)
    assert "mine" not in RULES


def test_a_rule_may_have_values_that_cannot_change(tmp_path: Path) -> None:
    head = """from __future__ import annotations
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import pairwise
from typing import Literal, NamedTuple
import include.market.time
from include.market.venues import VENUES
Way = Literal["buy", "sell"]
STEPS = (Decimal(1), range(3))
class Kind(Enum):
    UP = "buy"
class Levels(NamedTuple):
    low: int = 1
@dataclass
class Limits:
    most: int = 1
LIMITS, LEVELS, BEST = Limits(), Levels(), partial(max, 1)
GOOD = frozenset({"buy", "sell"}) - {"sell"}
def is_good(side: str, more: frozenset[str] = GOOD) -> bool:
    seen = {side for side in sorted(GOOD)} if more else set()
    return side in seen & more and len(seen) == 1 and max(seen) == "buy" and not seen - more
MINUTE = include.market.time.MINUTE_US
"""
    body = "return Kind.UP.value if is_good('buy') else None"
    assert decide(write_rule(tmp_path, body, head=head)).action == "buy"


def test_a_rule_may_assign_what_it_makes_itself(tmp_path: Path) -> None:
    head = """from collections import Counter
from dataclasses import dataclass
class Base:
    def __init__(self, least: int) -> None:
        self.least = least
class Limits(Base):
    def __init__(self) -> None:
        super().__init__(2)
        self.span = slice(1, 3)
@dataclass(frozen=True, slots=True)
class Level:
    low: int = 1
LIMITS, LEVEL, FIRST = Limits(), Level(), slice(2)
def count(words: str) -> int:
    counts = {}
    total = [0] * 2
    seen = Counter()
    for word in words:
        counts[word] = counts.get(word, 0) + 1
        total[0] += 1
        seen[word] += 1
    del counts["b"]
    return counts["a"] + total[0] + seen["a"]
"""
    body = "return 'buy' if count('aab') == 7 and LIMITS.least == 2 else None"
    assert decide(write_rule(tmp_path, body, head=head)).action == "buy"


@pytest.mark.parametrize("form", ["", "(slots=True)", "(frozen=True, slots=True)"])
def test_a_rule_that_is_a_dataclass_with_a_list_is_refused(tmp_path: Path, form: str) -> None:
    head = f"from dataclasses import dataclass, field\n@dataclass{form}"
    reference = write_rule(tmp_path, "return None", head=head)
    path = tmp_path / "mine.py"
    path.write_text(
        path.read_text().replace("    name", "    s: list = field(default_factory=list)\n    name")
    )
    with pytest.raises(SettingsError, match=r"Mine\.s: a list can change"):
        find_rule(reference)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("class Mine: pass", "name is None"),
        ("class Mine:\n name = 'Mine X'", "name is 'Mine X'"),
        (
            "class Mine:\n name = 'm'\n signal_type = 'ratio'\n desired_side = print_side = max",
            "signal_type is 'ratio'",
        ),
        ("class Mine:\n name = 'm'\n signal_type = 'imbalance'", "has no method desired_side"),
        ("class Other: pass", "has no class Mine"),
        ("class Mine:\n def __init__(self, x): pass", "cannot be loaded: TypeError"),
        ("1 / 0\nclass Mine: pass", "cannot be loaded: ZeroDivisionError"),
        (
            "class Mine:\n name = 'imbalance_and_mid'\n signal_type = 'imbalance'\n"
            " def desired_side(self, inputs): return None",
            "one of Tickhouse's own rules",
        ),
    ],
)
def test_a_rule_that_lacks_something_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(SettingsError, match=fault) as refused:
        find_rule(f"{path}:Mine")
    assert str(path) in str(refused.value)


def test_a_missing_file_and_an_unknown_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.py cannot be read"):
        find_rule(f"{tmp_path}/gone.py:Mine")
    broken = tmp_path / "broken.py"
    broken.write_text("\n\nclass :")
    with pytest.raises(SettingsError, match=r"invalid syntax \(broken\.py, line 3\)"):
        find_rule(f"{broken}:Mine")
    with pytest.raises(SettingsError, match=r"'gone' is none of forecast_and_ratio"):
        find_rule("gone")


def test_inputs_recorded_before_digests_are_read(tmp_path: Path) -> None:
    inputs = read(decide("forecast_and_ratio").inputs)
    fields = msgspec.to_builtins(inputs) | {}
    fields.pop("rule_digest")
    assert read(msgspec.json.encode(fields).decode()) == inputs


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [("BTC-PERPETUAL", "perpetual"), ("BTC-27MAR26", "future"), ("BTC-27MAR26-90000-P", "option")],
)
def test_a_trader_of_contracts_is_refused(symbol: str, kind: str) -> None:
    settings = override(Settings(), {"TICKHOUSE_TRADER_SYMBOL": symbol})
    with pytest.raises(SettingsError, match=f"TICKHOUSE_TRADER_SYMBOL={symbol} is a {kind}"):
        TraderConfig.from_settings(settings)
