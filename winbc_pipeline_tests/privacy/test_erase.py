"""A person who was erased is gone, stays gone, and nothing of theirs happens twice. Sources: GDPR Articles 15 and 17;
test catalogue rows 96, 97 and 99."""

import json
from pathlib import Path

import orjson
import pytest

from winbc_pipeline import audit
from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.privacy import stores
from winbc_pipeline.privacy.erase import JOURNAL, certificates, complete, erase, unfinished
from winbc_pipeline.privacy.person import identify
from winbc_pipeline.privacy.registry import TABLES
from winbc_pipeline.staging.people.personal import table_named
from winbc_pipeline.staging.store import Store

from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TwoWays
from .filled import Filled
from .shop import EMAIL, FLOWS_OF_SHOP, ID, PLANTED, everything, hits

STEPS = range(8)  # before the first note of the journal, and before those of four databases and three other stores
pytestmark = [pytest.mark.proof, pytest.mark.files]


def test_the_search_finds_what_is_there(shop: TwoWays) -> None:
    assert {value for _, value in hits(shop.settings, PLANTED)} == set(PLANTED)


def test_not_one_byte_of_an_erased_person_is_left(erased_shop: TwoWays) -> None:
    assert hits(erased_shop.settings, PLANTED) == set()


@pytest.mark.parametrize("named", [f"winstore:{ID}", f"WS{ID}"])
def test_nor_of_one_who_was_named_otherwise_than_by_an_address(shop: TwoWays, named: str) -> None:
    erase(shop.settings, named)
    assert hits(shop.settings, PLANTED) == set()


def test_the_export_holds_each_value_that_is_kept(shop: TwoWays) -> None:
    found = stores.export(shop.settings, identify(shop.settings, EMAIL))
    text = orjson.dumps(found, default=str).decode().lower()
    assert [value for value in PLANTED if value.lower() not in text] == []
    assert "anna@mail.example" not in text, "nobody else's"


def test_another_person_keeps_everything(erased_shop: TwoWays) -> None:
    assert {value for _, value in hits(erased_shop.settings, ["anna@mail.example"])}
    states = {key: row["state"] for key, row in erased_shop.ledger().items()}
    assert states["W9"] == "CONFIRMED"


def test_the_next_runs_bring_nobody_back_send_nothing_twice_and_settle_a_lost_order(erased_shop: TwoWays) -> None:
    shop = erased_shop
    lost = shop.ledger()["W3"]["state"]
    documents = len(shop.records("salesOrders"))
    shop.pass_time(21 * 60)
    for number in ("W1", "W2", "W3", "W4"):
        shop.edit(number, branch="3")
    shop.in_winstore(ID, street="Canarystraat 9")
    for flow in FLOWS_OF_SHOP:
        shop.run(flow)
    after = {key: (row["state"], row["reason"]) for key, row in shop.ledger().items()}
    assert hits(shop.settings, PLANTED) == set()
    assert len(shop.records("salesOrders")) == documents
    assert lost == "UNKNOWN"
    assert after["W3"] == ("CONFIRMED", "ERASED")
    assert after["W1"][0] == "CONFIRMED" and after["W2"] == ("SKIPPED", "ERASED")


def test_an_order_that_is_placed_later_is_taken(erased_shop: TwoWays) -> None:
    erased_shop.pass_time(60)
    erased_shop.order("W50", customerid="000123", email="anna@mail.example")
    erased_shop.run(ORDERS_TO_BC.id)
    assert erased_shop.ledger()["W50"]["state"] == "CONFIRMED"


def test_a_dry_look_changes_nothing(shop: TwoWays) -> None:
    before = dict(everything(shop.settings))
    found = stores.find(shop.settings, identify(shop.settings, EMAIL))
    assert {each.store.partition(",")[0] for each in found} >= {f"{flow}.duckdb" for flow in FLOWS_OF_SHOP}
    assert dict(everything(shop.settings)).keys() == before.keys()
    assert not (shop.settings.state_folder / "erased.marks").exists()


def test_an_erasing_has_the_steps_that_are_killed_here(erasing_shop: list[Filled]) -> None:
    assert len(erasing_shop) == len(STEPS) + 1


@pytest.mark.parametrize("step", STEPS)
def test_an_erasing_that_was_killed_at_any_step_is_completed_by_the_next_call(
    tmp_path: Path, erasing_shop: list[Filled], step: int
) -> None:
    with erasing_shop[step].opened(tmp_path) as shop:
        if step == 0:  # nothing was begun
            assert complete(shop.settings) is None
            erase(shop.settings, EMAIL)
        else:
            assert unfinished(shop.settings)
            assert complete(shop.settings)
        assert unfinished(shop.settings) is None
        assert hits(shop.settings, PLANTED) == set()
        assert not (shop.settings.state_folder / JOURNAL).exists()


def test_the_certificate_says_what_where_when_and_by_whom_and_not_who_it_was(erased_shop: TwoWays) -> None:
    (path,) = certificates(erased_shop.settings)
    kept = json.loads(path.read_text())
    assert [each.act for each in audit.entries(erased_shop.settings)][-1] == "erase"
    assert audit.verify(erased_shop.settings).problems == []
    assert (kept["by"], kept["connection"]) == ("dashboard:els", "default")
    assert kept["stores"]["orders_winstore_to_bc.duckdb"].startswith("ledger")
    assert any("Business Central keeps" in words for words in kept["left"])
    assert [value for value in PLANTED if value.lower() in json.dumps(kept).lower()] == []


def test_who_is_not_known_is_told(shop: TwoWays) -> None:
    with pytest.raises(NotDone, match="Nothing is kept of this person"):
        erase(shop.settings, "nobody@mail.example")


def tables_of(shop: TwoWays) -> set[str]:
    found: set[str] = set()
    for path in shop.settings.state_folder.glob("*.duckdb"):
        with Store(path).open() as connection:
            found |= {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    return found


def test_somebody_says_of_each_table_and_file_what_it_holds_of_people(shop: TwoWays) -> None:
    shop.run("products_winstore_to_bc")
    shop.run("order_status_winstore_to_bc")
    assert [name for name in sorted(tables_of(shop)) if table_named(name, TABLES) is None] == []
    assert stores.undeclared(shop.settings) == []
    assert shop.state(BC)
