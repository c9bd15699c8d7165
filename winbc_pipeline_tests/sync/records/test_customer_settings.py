"""What the companion app adds to a customer beside plain fields: a template by its code, and the primary contact.

Source: docs/companion-app.md, Further fields of items and customers.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from winbc_pipeline.sandbox.bc.extensions.companion import companion_app

from ...support.order_sandboxes import Record
from ...support.shops.two_ways import TO_BC, TwoWays, open_two_ways


@pytest.fixture
def shop(tmp_path: Path, tables: Path) -> Iterator[TwoWays]:
    with open_two_ways(tmp_path) as made:
        made.seed_app(companion_app().source())
        yield made


def settings_of(shop: TwoWays) -> Record:
    (found,) = shop.records("connector.winstore.customerSettings")
    return found


def test_a_new_customer_gets_what_the_template_of_a_row_holds(shop: TwoWays) -> None:
    shop.edit_table("customer", "app.templateCode", TO_BC, source="'WEB'", when="create")
    shop.edit_table("customer", "app.genBusPostingGroup", TO_BC, source="'EU'", when="create")
    shop.shop_has()
    shop.run(TO_BC)
    made = settings_of(shop)
    assert (made["templateCode"], made["customerPostingGroup"]) == ("WEB", "DOMESTIC")
    assert made["genBusPostingGroup"] == "EU"
    before = shop.writes()
    shop.run(TO_BC)
    assert shop.writes() == before


@pytest.mark.proof
def test_an_older_app_takes_the_customer_without_the_template(shop: TwoWays) -> None:
    shop.seed_app(companion_app("1.0.0.0").source())
    shop.edit_table("customer", "app.templateCode", TO_BC, source="'WEB'", when="create")
    shop.edit_table("customer", "app.webId", TO_BC, source="'W1'", when="create")
    shop.shop_has()
    assert shop.run(TO_BC).created == 1
    assert settings_of(shop)["webId"] == "W1"
    assert "templateCode" not in settings_of(shop)


@pytest.mark.proof
def test_the_person_of_a_company_becomes_its_primary_contact(shop: TwoWays) -> None:
    number = "if(company IS NULL, NULL, 'WSP' || customerid)"
    shop.edit_table("customer", "app.primaryContactNumber", TO_BC, source=number, when="update")
    shop.shop_has(company="Bakery")
    shop.run(TO_BC)
    assert "WSP000123" in {contact["number"] for contact in shop.records("contacts")}
    assert settings_of(shop)["primaryContactNumber"] == "WSP000123"
    before = shop.writes()
    shop.run(TO_BC)
    assert shop.writes() == before
