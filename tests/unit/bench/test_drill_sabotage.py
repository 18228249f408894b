"""The drill's sabotages: each table of Postgres that the audit compares is changed by one."""

from bench.drill import sabotage
from bench.drill.faults import FAULTS
from include.checks import Check
from include.serving.market_tables import MARKET_TABLES

USED = {fault.sabotage for fault in FAULTS}


def test_every_sabotage_belongs_to_a_fault() -> None:
    made = {value for value in vars(sabotage).values() if isinstance(value, sabotage.Sabotage)}
    assert made == USED


def test_each_market_table_of_postgres_is_sabotaged() -> None:
    for table in MARKET_TABLES:
        failed = Check(f"I3 {table.name}", False, f"1 {table.name} differ")
        assert any(one.find([failed]) for one in USED), table.name


def test_a_changed_row_is_put_back_by_its_key() -> None:
    condition = sabotage._key_condition("contract_minutes", "drilled")
    assert condition.split(" AND ") == [
        "contract_minutes.venue = drilled.venue",
        "contract_minutes.symbol = drilled.symbol",
        "contract_minutes.minute = drilled.minute",
    ]
