"""Records that their pair knows: what is not asked again, and what ends it. Both sides are customers' sandboxes."""

from typing import Any

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.pairs import ETAG, VERSION, Pairs
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.records.known.staged import StagedRecords

from ...support.shops.two_ways import TO_BC, TwoWays


def pair_of(world: TwoWays, key: str = "000123") -> dict[str, Any]:
    return Pairs(world.settings, "customers").read("customer", "winstore", [key])[key]


def forget_what_was_sent(world: TwoWays) -> None:
    """As after an edit of the tables that changes no value: every record is planned again."""
    ledger.look_again(ConnectedFlow(flow_named(TO_BC), world.settings).store, "customer", ["000123"])


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the records whose fields a plan hashes from now on."""
    keys: list[str] = []
    hashes = StagedRecords.hashes

    def noted(self: StagedRecords, versions: Any, pairs: Pairs) -> Any:
        keys.extend(versions)
        return hashes(self, versions, pairs)

    monkeypatch.setattr(StagedRecords, "hashes", noted)
    return keys


def test_a_record_that_neither_side_has_changed_is_not_hashed_again(
    two_ways: TwoWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_ways.shop_has()
    two_ways.run(TO_BC)
    forget_what_was_sent(two_ways)
    keys, before = hashed(monkeypatch), two_ways.writes()
    assert two_ways.run(TO_BC).failed == 0
    assert (keys, two_ways.writes()) == ([], before)


def test_a_customer_that_was_found_there_is_known_by_version_and_etag_too(two_ways: TwoWays) -> None:
    two_ways.bc_has("WS000123", displayName="Anna O'Neil", email="anna@mail.example")
    two_ways.shop_has()
    two_ways.run(TO_BC)
    forget_what_was_sent(two_ways)
    two_ways.run(TO_BC)
    pair = pair_of(two_ways)
    assert pair["bc"][ETAG] == two_ways.of_bc()["@odata.etag"]
    assert pair["winstore"][VERSION]


@pytest.mark.parametrize("side", ["winstore", "bc"])
def test_an_edit_after_that_arrives(two_ways: TwoWays, side: str) -> None:
    two_ways.shop_has()
    two_ways.passes()
    two_ways.passes()
    if side == "winstore":
        two_ways.in_winstore(city="Gent")
    else:
        two_ways.in_bc(city="Gent")
    two_ways.passes()
    assert (two_ways.of_bc()["city"], two_ways.of_shop()["city"]) == ("Gent", "Gent")


def test_a_value_that_returns_after_the_other_side_changed_it_arrives(two_ways: TwoWays) -> None:
    two_ways.shop_has(city="Utrecht")
    two_ways.passes()
    two_ways.in_bc(city="Gent")
    two_ways.passes()
    two_ways.in_winstore(city="Utrecht")
    two_ways.passes()
    assert two_ways.of_bc()["city"] == "Utrecht"


def test_two_customers_who_exchange_their_addresses_are_told_what_to_do(two_ways: TwoWays) -> None:
    two_ways.shop_has("1", email="a@mail.example")
    two_ways.shop_has("2", email="b@mail.example")
    two_ways.run(TO_BC)
    two_ways.in_winstore("1", email="b@mail.example")
    two_ways.in_winstore("2", email="a@mail.example")
    assert two_ways.run(TO_BC).failed == 2
    words = "WS2 has this email and is to get that of WS1: give one of the two a third one first"
    assert (two_ways.rows(TO_BC)["1"]["reason"], two_ways.rows(TO_BC)["1"]["message"]) == ("TARGET_TAKEN", words)
    two_ways.in_winstore("1", email="c@mail.example")
    two_ways.run(TO_BC)
    two_ways.run(TO_BC)
    two_ways.in_winstore("1", email="b@mail.example")
    two_ways.run(TO_BC)
    assert (two_ways.of_bc("WS1")["email"], two_ways.of_bc("WS2")["email"]) == ("b@mail.example", "a@mail.example")
