"""Delivery addresses of customers: rows of the companion app below a customer, fields of him in the mapping table.

Source: docs/companion-app.md, Delivery addresses of customers. Contract of the app: facts/companion_app.json.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.mapping.tables import TARGET_FIELD
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.records.beside.ship_tos import ShipTos
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.workbench.missing_rows import not_carried
from winbc_pipeline.workbench.readiness import check_ready

from ...conftest import REPOSITORY
from ...support.order_sandboxes import BC, Record
from ...support.shops.two_ways import TO_BC, TO_WINSTORE, TwoWays, open_two_ways
from ...support.shops.two_ways import two_ways as two_ways
from .test_addresses import GENT, METZ, NONE, further, has, now_has
from .test_app_fields import API, STORED, add_rows, install

proof = pytest.mark.proof
SHIP_TOS = f"{STORED}.shipToAddresses"
PAGE = (REPOSITORY / "docs/companion-app.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^    (shipTo\..+)$", PAGE, re.MULTILINE)  # as people copy them
IN_GENT = ("WS000123", "DELIVERY", "Anna O'Neil", "Kaai 3", "9000", "Gent", "BE")
IN_METZ = ("WS000123", "DELIVERY", "Anna O'Neil", "rue Haute 1", "57000", "Metz", "FR")


@pytest.fixture
def without(tmp_path: Path, tables: Path) -> Iterator[TwoWays]:
    """The rows are in the table, and there is no app."""
    with open_two_ways(tmp_path) as made:
        add_rows(made, TO_BC, "customer", *ROWS)
        yield made


@pytest.fixture
def shop(without: TwoWays) -> TwoWays:
    """A customer has a delivery address in Gent, and the app is there."""
    install(without)
    has(without, further("delivery", GENT))
    return without


def addresses(shop: TwoWays) -> list[tuple[str, ...]]:
    names = ("customerNumber", "code", "name", "address", "postCode", "city", "countryRegionCode")
    return sorted(tuple(each[name] for name in names) for each in shop.records(SHIP_TOS))


def person(shop: TwoWays, method: str, **fields: Any) -> None:
    """A user of Business Central changes or deletes the only delivery address."""
    shop.pass_time(1)
    (own,) = shop.records(SHIP_TOS)
    url = f"http://127.0.0.1:{BC}/{API}/companies({COMPANY_ID})/shipToAddresses({own['id']})"
    answer = shop.http.request(method, url, json=fields or None, headers={"If-Match": "*"})
    assert answer.status_code < 300, answer.text


def quiet(shop: TwoWays) -> bool:
    """Whether another run in each direction writes nothing."""
    before = shop.writes()
    shop.passes()
    return shop.writes() == before


def gaps(shop: TwoWays) -> str:
    """What `winbc check` says of the tables and Business Central."""
    with closing(BusinessCentral(shop.settings)) as target:
        return "\n".join(check_ready(ConnectedFlow(flow_named(TO_BC), shop.settings), target).warnings)


def test_a_new_customer_gets_his_delivery_address_in_the_same_run_and_a_rerun_writes_nothing(shop: TwoWays) -> None:
    shop.run(TO_BC)
    assert addresses(shop) == [IN_GENT]
    assert shop.rows(TO_BC)["000123"]["state"] == "CONFIRMED"
    assert quiet(shop)


@proof
def test_an_address_that_changes_keeps_its_code(shop: TwoWays) -> None:
    shop.run(TO_BC)
    (made,) = shop.records(SHIP_TOS)
    now_has(shop, further("delivery", METZ), further("delivery", GENT))
    shop.run(TO_BC)
    (changed,) = shop.records(SHIP_TOS)
    assert (addresses(shop), changed["id"]) == ([IN_METZ], made["id"])
    assert quiet(shop)


@proof
def test_a_customer_who_is_known_gets_the_address_that_comes_and_keeps_the_one_that_goes(shop: TwoWays) -> None:
    now_has(shop)
    shop.run(TO_BC)
    assert addresses(shop) == []
    now_has(shop, further("delivery", GENT))
    shop.run(TO_BC)
    assert addresses(shop) == [IN_GENT]
    for addresses_left in ((), (further("delivery", NONE | {"countryISO": "FR"}),)):
        now_has(shop, *addresses_left)
        shop.run(TO_BC)
        assert addresses(shop) == [IN_GENT], "it is never emptied as a whole"
    now_has(shop, further("delivery", METZ))
    shop.run(TO_BC)
    assert addresses(shop) == [IN_METZ]
    assert quiet(shop)


@proof
def test_what_a_person_changed_stays_while_winstore_says_the_same(shop: TwoWays) -> None:
    shop.run(TO_BC)
    person(shop, "PATCH", contact="The back door", city="GENT (B)")
    now_has(shop, further("delivery", GENT), phone="+3292223344")
    shop.run(TO_BC)
    assert addresses(shop) == [IN_GENT[:5] + ("GENT (B)", "BE")]
    assert shop.records(SHIP_TOS)[0]["contact"] == "The back door"
    assert shop.of_shop()["addresses"][0]["city"] == "Gent", "delivery addresses go one way"


@proof
def test_an_address_that_a_person_deleted_is_made_whole_when_winstore_changes_it(shop: TwoWays) -> None:
    shop.own(TO_BC, "customer", "shipTo.DELIVERY.address", "source")
    shop.run(TO_BC)
    person(shop, "DELETE")
    now_has(shop, further("delivery", GENT), phone="+3292223344")
    shop.run(TO_BC)
    assert addresses(shop) == [], "Winstore says the same"
    now_has(shop, further("delivery", GENT | {"street": "Quai"}))
    shop.run(TO_BC)
    assert addresses(shop) == [("WS000123", "DELIVERY", "Anna O'Neil", "Quai 3", "9000", "Gent", "BE")]
    assert quiet(shop)


@proof
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_call_that_is_lost_leaves_the_customer_open_and_the_next_run_ends_it(shop: TwoWays, kind: str) -> None:
    shop.fault(BC, {"kind": kind, "path": "connector/winstore/v1.0/$batch", "method": "POST", "nth": 1})
    shop.run(TO_BC)
    assert shop.rows(TO_BC)["000123"]["state"] != "CONFIRMED"
    shop.run(TO_BC)
    assert (addresses(shop), shop.rows(TO_BC)["000123"]["state"]) == ([IN_GENT], "CONFIRMED")


@proof
@pytest.mark.parametrize("point", ["before fields beside", "after fields beside"])
def test_a_run_that_is_killed_is_completed_by_the_next_one(shop: TwoWays, point: str) -> None:
    assert shop.run_dies_at(TO_BC, point)
    shop.run(TO_BC)
    assert addresses(shop) == [IN_GENT]
    assert quiet(shop)


@proof
def test_without_the_app_the_customer_is_sent_and_each_field_is_named_until_it_is_there(without: TwoWays) -> None:
    has(without, further("delivery", GENT))
    without.run(TO_BC)
    assert without.rows(TO_BC)["000123"]["state"] == "CONFIRMED"
    assert "shipTo.DELIVERY.city needs shipToAddresses of the companion app" in gaps(without)
    install(without)
    now_has(without, further("delivery", GENT), phone="+3292223344")
    without.run(TO_BC)
    assert addresses(without) == [IN_GENT]
    assert "shipTo" not in gaps(without)


@proof
def test_without_the_right_the_customer_is_sent_and_the_right_is_named(shop: TwoWays) -> None:
    shop._control(BC, "seed", {"rights": {SHIP_TOS: ["insert"]}})
    shop.run(TO_BC)
    assert (shop.rows(TO_BC)["000123"]["state"], addresses(shop)) == ("CONFIRMED", [])
    assert "no right to write shipToAddresses" in gaps(shop)


@proof
def test_the_check_counts_no_delivery_address_that_a_table_sends(two_ways: TwoWays) -> None:
    has(two_ways, further("delivery", GENT))
    two_ways.run(TO_BC)
    (counted,) = not_carried(ConnectedFlow(flow_named(TO_BC), two_ways.settings))
    assert counted.startswith("customer: 1 staged records have a delivery address")
    add_rows(two_ways, TO_BC, "customer", *ROWS)
    assert not_carried(ConnectedFlow(flow_named(TO_BC), two_ways.settings)) == []


def of_address(*changes: tuple[str, str, str], there: Record | None = None) -> list[tuple[str, str, Any]]:
    """The calls of changes (field, old and new) to a customer's address."""
    rows = [{"field": f"shipTo.home.{field}", "old": old, "new": new} for field, old, new in changes]
    found = {"value": [there] if there else [], "of": ("C1", "")}
    one = ShipTos(None, Mock(), "customers", [each["field"] for each in rows])
    return [(each.method, each.path, each.body) for each in one.calls({}, rows, found)]


def test_a_change_of_the_country_sends_again_what_business_central_empties_for_it() -> None:
    """And the country first, because what comes before it would be emptied."""
    there = {"id": "1", "@odata.etag": "e", "code": "HOME", "address": "Kaai 3", "postCode": "9000", "city": "Gent"}
    there |= {"county": "", "countryRegionCode": "BE"}
    ((method, path, body),) = of_address(("postCode", "9000", "57000"), ("countryRegionCode", "BE", "FR"), there=there)
    assert (method, path, list(body.items())[0]) == ("PATCH", "shipToAddresses(1)", ("countryRegionCode", "FR"))
    assert body == {"countryRegionCode": "FR", "postCode": "57000", "city": "Gent", "county": ""}
    assert of_address(("city", "Gent", "Genk"), there=there)[0][2] == {"city": "Genk"}


def test_a_new_address_names_its_customer_and_its_code() -> None:
    made = {"customerNumber": "C1", "code": "HOME", "city": "Gent"}
    assert of_address(("city", "", "Gent"), ("county", "", "")) == [("POST", "shipToAddresses", made)]


@pytest.mark.parametrize(
    "field", ["shipTo.DELIVERY.code", "shipTo.DELIVERY.street", "shipTo.DELIVERY", "shipTo.city", "shipTo..city"]
)
def test_a_field_that_a_delivery_address_does_not_have_is_refused(two_ways: TwoWays, field: str) -> None:
    add_rows(two_ways, TO_BC, "customer", f"{field},delivery_city,,always,,")
    with pytest.raises(MappingError, match=field):
        ConnectedFlow(flow_named(TO_BC), two_ways.settings).checked()


def test_two_spellings_of_one_code_give_no_field_twice(two_ways: TwoWays) -> None:
    """Each run would write over what the other row gave."""
    add_rows(
        two_ways, TO_BC, "customer", *(f"shipTo.{code}.city,delivery_city,,always,," for code in ("DEPOT", "depot"))
    )
    with pytest.raises(MappingError, match="shipTo.depot.city is mapped already"):
        ConnectedFlow(flow_named(TO_BC), two_ways.settings).checked()


def test_a_code_has_ten_characters_at_most() -> None:
    assert TARGET_FIELD.fullmatch("shipTo.ABCDEFGHIJ.city")
    assert not TARGET_FIELD.fullmatch("shipTo.ABCDEFGHIJK.city")


def test_nothing_of_them_goes_to_winstore(two_ways: TwoWays) -> None:
    add_rows(two_ways, TO_WINSTORE, "customer", "shipTo.DELIVERY.city,city,,always,,")
    with pytest.raises(MappingError, match=r"shipTo\.DELIVERY\.city"):
        ConnectedFlow(flow_named(TO_WINSTORE), two_ways.settings).checked()
