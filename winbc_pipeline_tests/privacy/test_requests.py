"""An order request that made no order keeps nothing of an erased person. Sources: GDPR Article 17;
facts/companion_app.json (`replacedWhile`); docs/companion-app.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.privacy.erase import REQUESTS as COMPANION
from winbc_pipeline.privacy.erase import erase
from winbc_pipeline.sync.documents.by_key.emptying import LATER

from ..support.order_invariants import REQUESTS
from ..support.order_sandboxes import BC, WITH_APP, OrderSandboxes, order_sandboxes

pytestmark = [pytest.mark.proof, pytest.mark.files]
EMAIL, CITY = "canary@planted.example", "Canaryburg"
PERSON = {"customerid": "605254", "email": EMAIL}
DELIVERY = {"name": "Canary Person", "street": "Kerkweg", "streetnr": "7", "zip": "3511 AB", "city": CITY}
APP = "connector/winstore/v1.0/$batch"


@pytest.fixture
def shop(tmp_path: Path, tables: Path) -> Iterator[OrderSandboxes]:
    """W1 arrived, W2 is a request that was never processed: the run died between the two calls."""
    with order_sandboxes(tmp_path, tables, WITH_APP, on_disk=True) as shop:
        address = {"delivery_add": DELIVERY | {"countryISO": "NL"}}
        shop.order("W1", **PERSON, **address)
        shop.sync()
        shop.order("W2", **PERSON, **address)
        assert shop.dies_at("after request")
        yield shop


def requests(shop: OrderSandboxes) -> dict[str, dict[str, Any]]:
    return {each["reference"]: each for each in shop.state(BC)["records"].get(REQUESTS, [])}


def planted_in(shop: OrderSandboxes, name: str) -> bool:
    return CITY.encode() in orjson.dumps(shop.state(BC)["records"].get(name, []))


def test_a_request_that_was_never_processed_is_emptied_and_the_certificate_says_so(shop: OrderSandboxes) -> None:
    assert planted_in(shop, REQUESTS)
    certificate, _ = erase(shop.settings, EMAIL)
    assert certificate.stores[COMPANION] == "order requests that made no order: 1 emptied"
    assert not planted_in(shop, REQUESTS)
    assert {key: each["state"] for key, each in requests(shop).items()} == {"WS-W1": "Processed", "WS-W2": "Received"}
    assert shop.state(BC)["records"].get(f"{REQUESTS.removesuffix('s')}Lines", []) == []


def test_nothing_is_made_of_an_emptied_request_and_its_order_is_skipped(shop: OrderSandboxes) -> None:
    erase(shop.settings, EMAIL)
    shop.without = ("I2", "I4", "I5", "I7", "I8", "I12")  # what they compare with was erased
    shop.pass_time(21 * 60)
    shop.sync()
    assert shop.documents("W2") == []
    assert (shop.ledger()["W2"]["state"], shop.ledger()["W2"]["reason"]) == ("SKIPPED", "ERASED")


def test_a_request_that_arrives_after_the_erasing_is_emptied_by_a_later_run(shop: OrderSandboxes) -> None:
    """operational-limits: a call may run 16 minutes after it was given up."""
    content = requests(shop)["WS-W2"]
    erase(shop.settings, EMAIL)
    late = content | {"id": requests(shop)["WS-W2"]["id"]}
    shop.bc_app.state.records.replace(REQUESTS, late["id"], late)
    shop.without = ("I2", "I4", "I5", "I7", "I8", "I12")
    assert planted_in(shop, REQUESTS)
    shop.pass_time(21 * 60)
    shop.sync()
    assert not planted_in(shop, REQUESTS)


def test_while_business_central_does_not_answer_it_is_named_and_the_next_run_does_it(shop: OrderSandboxes) -> None:
    shop.fault(BC, {"kind": "status", "status": 503, "path": "connector", "times": 99})
    certificate, _ = erase(shop.settings, EMAIL)
    assert certificate.stores[COMPANION].endswith("(E-UNREACHABLE): the next run of orders empties them")
    later = shop.settings.flow_database(ORDERS_TO_BC.id).parent / LATER
    assert later.read_text().split() == ["WS-W1", "WS-W2"]
    shop.fault(BC)
    shop.without = ("I2", "I4", "I5", "I7", "I8", "I12")
    shop.pass_time(60)
    shop.sync()
    assert not planted_in(shop, REQUESTS)
    assert not later.exists()
