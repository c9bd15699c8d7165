"""Real trading data, the way back: all orders of the retail folder from Business Central into an empty Winstore."""

from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.systems.business_central import BusinessCentral, Operation

from ...support.bc_users import BcUsers
from ...support.flow_cases import winstore_state
from ...support.order_invariants import BY_HAND, assert_invariants, assert_nothing_written
from ...support.sandboxes import Sandboxes
from ..documents.test_retail_orders import CENT, LINES, ORDERS, Rows, documents, lines_by_order, rows
from ..records.test_retail import RETAIL

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout"),
]
FLOW, THERE = "orders_bc_to_winstore", "orders_winstore_to_bc"
NOBODY, CATCH_ALL = "C00001", "999999"
LOCATIONS, BRANCHES = {"1": "SHOP1", "2": "SHOP2"}, {"1": "1", "2": "2"}  # any other branch: MAIN, and that is 3
FIGURES = ("quantity", "unit_price", "discount_percent")
Record = dict[str, Any]


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def exact(line: dict[str, str], *names: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(line[name]) for name in names)


def total(lines: Rows) -> Decimal:
    """What Business Central makes of the lines: each in cents, VAT once per rate."""
    bases: Counter[Decimal] = Counter()
    for line in lines:
        quantity, price, discount, rate = exact(line, "quantity", "unit_price", "discount_percent", "vat_rate")
        bases[rate] += cents(quantity * price) - cents(cents(quantity * price) * discount / 100)
    return sum((base + cents(base * rate / 100) for rate, base in bases.items()), Decimal(0))


def customer(row: dict[str, str]) -> Record:
    name = row["company_name"] or f"{row['first_name']} {row['last_name']}"
    address = {"addressLine1": f"{row['street']} {row['house_number']}", "city": row["city"]}
    address |= {"postalCode": row["zip"], "country": row["country_iso"]}
    kind = "Company" if row["company_name"] else "Person"
    return {"number": f"WS{row['customer_id']}", "displayName": name, "type": kind, "email": row["email"]} | address


def typed(order: dict[str, str], lines: Rows, locations: dict[str, str]) -> Record:
    """An order of the folder as a clerk types it, at the location of its branch."""
    location = locations[LOCATIONS.get(order["branch"], "MAIN")]
    header = {
        "externalDocumentNumber": order["order_number"],
        "customerNumber": f"WS{order['customer_id']}" if order["customer_id"] else NOBODY,
        "orderDate": order["order_date"][:10],
        "shipToName": order["ship_name"],
        "shipToAddressLine1": f"{order['ship_street']} {order['ship_house_number']}",
        "shipToCity": order["ship_city"],
        "shipToPostCode": order["ship_zip"],
        "shipToCountry": order["ship_country_iso"],
    }
    return header | {
        "salesOrderLines": [
            {"lineType": "Item", "lineObjectNumber": line["sku"], "locationId": location}
            | {"description": line["description"], "taxCode": f"VAT{line['vat_rate']}"}
            | dict(zip(("quantity", "unitPrice", "discountPercent"), exact(line, *FIGURES), strict=True))
            for line in lines
        ]
    }


@pytest.fixture
def trading(sandboxes: Sandboxes) -> Iterator[Sandboxes]:
    """The folder's orders released in Business Central; Winstore has its articles and no order."""
    write_folder(sandboxes.folder / "retail", {name: rows(name) for name in ("articles", "customers")})
    sandboxes.seed(sandboxes.folder / "retail")
    skus = {line["sku"]: line["vat_rate"] for line in rows("order_lines")}
    item = {"displayName": "Article", "type": "Inventory", "baseUnitOfMeasureCode": "PCS"}
    sandboxes.seed_bc(
        items=[item | {"number": sku, "taxGroupCode": f"VAT{rate}"} for sku, rate in skus.items()],
        customers=[*map(customer, rows("customers")), {"number": NOBODY, "displayName": "Guest", "type": "Person"}],
    )
    bc_users, lines = BcUsers(sandboxes), lines_by_order()
    locations = {each["code"]: each["id"] for each in sandboxes.bc()["records"]["locations"]}
    client = BusinessCentral(sandboxes.settings)
    typing = [_typing(order, typed(order, lines[order["order_number"]], locations)) for order in rows("orders")]
    made = [result for start in range(0, ORDERS, 100) for result in client.batch(typing[start : start + 100])]
    client.close()
    assert {result.status for result in made} == {201}
    for result in made:
        bc_users.user("release", result.body)
    yield sandboxes


def _typing(order: dict[str, str], body: Record) -> Operation:
    number = order["order_number"]
    return Operation(number, "POST", "salesOrders", body, request_id=f"{BY_HAND}-{number}")


def test_every_order_arrives_in_winstore_once_and_to_the_cent(trading: Sandboxes) -> None:
    done = trading.sync(FLOW)
    assert (done.created, done.failed) == (ORDERS, 0)
    state = winstore_state(trading)
    arrived = {order["ordernr"]: order for order in state["records"]["orders"]}
    assert len(arrived) == len(state["records"]["orders"]) == ORDERS
    made = documents(trading)
    cities = {each["customer_id"]: each["city"] for each in rows("customers")}
    lines, positions = lines_by_order(), 0
    for order in rows("orders"):
        number = order["order_number"]
        assert differences(arrived[number], order, lines[number], cities.get(order["customer_id"])) == [], number
        assert Decimal(arrived[number]["total"]) == made[number]["totalAmountIncludingTax"] == total(lines[number])
        positions += len(arrived[number]["positions"])
    assert positions == LINES
    assert_invariants(trading.settings, trading.bc(), state)

    again = trading.sync(FLOW)
    assert (again.created, again.updated, again.failed) == (0, 0, 0)
    assert_nothing_written(state, winstore_state(trading))


def test_none_of_them_comes_back_to_business_central(trading: Sandboxes) -> None:
    trading.sync(FLOW)
    before, state = trading.bc(), winstore_state(trading)
    for _ in range(2):
        back = trading.sync(THERE)
        assert (back.created, back.skipped, back.failed) == (0, ORDERS, 0)
    assert_nothing_written(before, trading.bc())
    assert_nothing_written(state, winstore_state(trading))
    assert_invariants(trading.settings, trading.bc(), winstore_state(trading), settled=True)


def differences(arrived: Record, order: dict[str, str], lines: Rows, city: str | None) -> list[str]:
    """Names of what is not as in the folder."""
    branch = BRANCHES.get(order["branch"], "3")
    wanted = {
        "customerid": order["customer_id"] or CATCH_ALL,
        "orderdate": f"{order['order_date'][:10]} 00:00:00",
        "branch": branch,
        "currency": order["currency"],
    }
    wrong = [name for name, value in wanted.items() if arrived.get(name) != value]
    delivery = {"name": order["ship_name"], "city": order["ship_city"], "zip": order["ship_zip"].upper()}
    there = {name: arrived["delivery_add"].get(name, "") for name in delivery}
    wrong += [f"delivery {name}" for name, value in delivery.items() if there[name] != value]
    wrong += [] if arrived["invoice_add"].get("city") == city else ["invoice city"]
    positions = [
        (each["product_id"], each["type"], each["branch"], *exact(each, "amount", "single_price", "reduction"))
        for each in arrived["positions"]
    ]
    sent = [(line["sku"], "S", branch, *exact(line, *FIGURES)) for line in lines]
    return wrong + [f"{order['order_number']}: positions"] * (positions != sent)
