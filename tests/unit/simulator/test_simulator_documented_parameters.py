"""Each documented parameter of a simulated method is in its table: simulated, or refused.

Which parameters and words there are is taken from typed-deribit and typed-binance, made of the
venues' own schemas.
"""

import re
import types
from collections.abc import Iterator
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from streaming.simulator.binance_calls import CALLS
from streaming.simulator.binance_unsupported import UNSUPPORTED as REFUSED_CALLS
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_limits import Credits
from streaming.simulator.deribit_methods import METHODS
from streaming.simulator.deribit_rpc import Rpc
from streaming.simulator.deribit_unsupported import UNSUPPORTED
from streaming.simulator.price_path import make_paths
from tests.support.client_libraries import import_client

PATH = make_paths(7)["BTC-USD"]
_DERIBIT = re.compile(r"path='((?:public|private)/\w+)'")
_BINANCE = re.compile(r"method='(\w+)',\s*path='(/api/v3/[^']+)'")
_SIGNING = {"timestamp", "recvWindow", "signature"}
Documents = dict[str, dict[str, set[str]]]


def read_documents(package: str, address: re.Pattern[str]) -> Documents:
    """The words of each parameter (none for free ones), by address and by name."""
    library, documents = import_client(package), Documents()
    for found in walk_packages(library.__path__, f"{package}."):
        module = import_client(found.name)
        if named := address.search(Path(str(module.__file__)).read_text()):
            words = documents.setdefault(" ".join(named.groups()), {})
            for variant in _variants(getattr(module, "Request", None)):
                for name, hint in get_type_hints(variant).items():
                    words[name] = words.get(name, set()) | set(_words(hint))
    return documents


def _variants(request: Any) -> tuple[Any, ...]:
    if get_origin(request) in {Union, types.UnionType}:
        return get_args(request)
    return (request,) if request else ()


def _words(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from (word for word in get_args(hint) if isinstance(word, str))
    elif get_origin(hint) in {Union, types.UnionType}:
        for part in get_args(hint):
            yield from _words(part)


DERIBIT = {
    name: words for name, words in read_documents("typed_deribit", _DERIBIT).items() if words
}
BINANCE = read_documents("typed_binance.spot.http", _BINANCE)
CALL_BY_ADDRESS = {f"{call.method} {call.path}": call for call in CALLS}


def test_each_documented_method_is_simulated_or_refused() -> None:
    assert len(DERIBIT) > 120 and set(DERIBIT) <= set(METHODS) | UNSUPPORTED
    refused = {f"{method} {path}" for method, path, _ in REFUSED_CALLS if path}
    assert len(BINANCE) > 40 and set(BINANCE) <= set(CALL_BY_ADDRESS) | refused


@pytest.mark.parametrize("name", sorted(set(DERIBIT) & set(METHODS)))
def test_a_methods_table_holds_its_documented_parameters_and_their_words(name: str) -> None:
    table = {param.name: param for param in METHODS[name].params}
    assert set(table) == set(DERIBIT[name])
    for param_name, words in DERIBIT[name].items():
        for word in words:
            table[param_name].read(param_name, word)


@pytest.mark.parametrize("address", sorted(set(BINANCE) & set(CALL_BY_ADDRESS)))
def test_an_addresses_table_holds_its_documented_parameters_and_their_words(address: str) -> None:
    table = {param.name: param for param in CALL_BY_ADDRESS[address].params}
    assert set(table) == set(BINANCE[address]) - _SIGNING
    for name, param in table.items():
        for word in BINANCE[address][name]:
            param.read(name, word)


REFUSING = [name for name, m in METHODS.items() if any(param.refusal for param in m.params)]


@pytest.mark.parametrize("name", REFUSING)
def test_what_is_documented_but_not_simulated_is_refused_with_its_name(name: str) -> None:
    account = DeribitAccount(PATH)
    good = {param.name: param.example for param in METHODS[name].params if param.mandatory}
    for param in METHODS[name].params:
        if param.refusal:
            rpc = Rpc(PATH, "k", "s", account, Credits())
            rpc.token_until_ms = 2
            assert param.refuses(param.example) and not any(map(param.refuses, param.harmless))
            with pytest.raises(DeribitError) as refusal:
                rpc.answer(name, good | {param.name: param.example}, 1)
            code, message = param.refusal
            data = {"param": param.name, "reason": "not simulated"}
            assert refusal.value.body == {"code": code, "message": message, "data": data}
    assert not account.changes
