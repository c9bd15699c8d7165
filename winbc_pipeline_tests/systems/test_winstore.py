"""Winstore's answers in both formats, and the quirks of its calls."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from defusedxml.ElementTree import fromstring
from pydantic import SecretStr

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.settings import Settings, WinstoreSettings
from winbc_pipeline.systems.transport import Answer
from winbc_pipeline.systems.winstore import Winstore, client, load_profile
from winbc_pipeline.systems.winstore.rows import records_in

from ..support.sandboxes import HTTP, REPOSITORY, Sandboxes

LOGIN = ("winstore", "sandbox-secret")
SINCE = datetime(2024, 1, 1, tzinfo=UTC)


def rows(settings: Settings, entity: str, accept: str) -> list[dict[str, object]]:
    source = Winstore(settings)
    profile = source.profile.entity(entity).model_copy(update={"accept": accept, "records_per_chunk": 2})
    source.profile = source.profile.model_copy(update={"reads": source.profile.reads | {entity: profile}})
    try:
        found = [row for page in source.changed_since(entity, SINCE) for row in page]
    finally:
        source.close()
    return [{name: value or None for name, value in row.items()} for row in found]


@pytest.mark.parametrize("entity", ["articles", "customers"])
def test_xml_and_json_give_the_same_rows(sandboxes: Sandboxes, entity: str) -> None:
    sandboxes.fill(
        customers=[{"customer_id": f"00{n}", "email": f"{n}@mail.example"} for n in range(5)],
        articles=[{"sku": f"00{n}", "article_key": "1", "size": str(n)} for n in range(3)] + [{"article_key": "2"}],
    )
    from_json = rows(sandboxes.settings, entity, "application/json")
    assert len(from_json) == (5 if entity == "customers" else 4)
    assert rows(sandboxes.settings, entity, "application/xml") == from_json


@pytest.mark.parametrize("join", ["?", "&"])
def test_the_sandbox_takes_parameters_joined_either_way(sandboxes: Sandboxes, join: str) -> None:
    sandboxes.fill(customers=[{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(3)])
    query = join.join(["date=2024-01-01T00:00:00%2B00:00", "page=2", "pagesize=2"])
    url = f"{sandboxes.addresses.winstore_base}/GetCustomerChangesByDate?{query}"
    answer = HTTP.get(url, auth=("winstore", "sandbox-secret"), headers={"Accept": "application/json"})
    assert [row["customerid"] for row in answer.json()["customers"]["customer"]] == ["2"]


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY x "boom">]><customers>&x;</customers>',
        b"<customers><customer><customerid>1</customerid>",
        b"<html><body>Please sign in</body></html>",
        b"",
    ],
)
def test_what_is_no_safe_whole_answer_is_refused(content: bytes) -> None:
    profile = load_profile(None).entity("customers")
    answer = Answer(200, httpx.Headers({"content-type": "application/xml"}), content, "id")
    with pytest.raises(UnreadableAnswer):
        records_in(answer, profile.call, profile.records)


def ask(sandboxes: Sandboxes, query: str) -> Any:
    url = f"{sandboxes.addresses.winstore_base}/{query}"
    return HTTP.get(url, auth=LOGIN, headers={"Accept": "application/json"}).json()


def post(sandboxes: Sandboxes, call: str, xml: str) -> str:
    """The status code inside Winstore's answer."""
    answer = HTTP.post(f"{sandboxes.addresses.winstore_base}/{call}", content=xml, auth=LOGIN)
    return fromstring(answer.content).findtext("statuscode") or ""


STOCK = {"sku": "SKU-1", "reserved": "1", "modified_at": "2026-03-03T10:00:00.000Z"}
ORDER = (
    "<order><ordernr>W1</ordernr><orderdate>2026-03-01 10:00:00</orderdate><customerid>999999</customerid>"
    "<email>a@mail.example</email><branch>1</branch><channel>shop</channel><total>10.00</total><currency>EUR</currency>"
    "<invoice_add><lname>Jansen</lname><countryISO>NL</countryISO></invoice_add><positions><position>"
    "<product_id>0100537900016</product_id><amount>2</amount><single_price>5.00</single_price><type>S</type>"
    "<branch>1</branch></position></positions></order>"
)


@pytest.fixture
def order_flow(sandboxes: Sandboxes) -> Sandboxes:
    sandboxes.fill()
    rows = [STOCK | {"warehouse": "1", "quantity": "7"}, STOCK | {"warehouse": "2", "quantity": "0"}]
    write_folder(sandboxes.folder / "retail", {"stock": rows})
    sandboxes.seed(sandboxes.folder / "retail")
    return sandboxes


@pytest.mark.parametrize("query", ["type=byArtikelKey?artkey=100001", "type=byGtin&gtin=0100537900016"])
def test_stock_is_found_by_article_key_and_by_gtin(order_flow: Sandboxes, query: str) -> None:
    rows = ask(order_flow, f"GetStock?{query}")["stocks"]["stock"]
    assert [(row["gtin"], row["warehouse"], row["quantity"]) for row in rows] == [
        ("0100537900016", "1", "7"),
        ("0100537900016", "2", "0"),
    ]


def test_changed_stock_is_summed_over_the_warehouses(order_flow: Sandboxes) -> None:
    rows = ask(order_flow, "GetChangedStock?date=2026-03-01T00:00:00%2B00:00")["stocks"]["stock"]
    assert [(row["sku"], row["quantity"], row["reserved"]) for row in rows] == [("SKU-1", "7", "2")]
    assert ask(order_flow, "GetChangedStock?date=2026-03-04T00:00:00%2B00:00")["stocks"]["stock"] == []


@pytest.mark.parametrize(("query", "warehouses"), [("", ["1"]), ("?outOfStock=1", ["1", "2"])])
def test_empty_warehouses_come_only_when_asked_for(order_flow: Sandboxes, query: str, warehouses: list[str]) -> None:
    rows = ask(order_flow, f"GetChangedStockWithWarehouse?date=2026-03-01T00:00:00%2B00:00{query}")["stocks"]["stock"]
    assert [row["warehouse"] for row in rows] == warehouses


def test_suppliers_and_their_articles(order_flow: Sandboxes) -> None:
    assert ask(order_flow, "GetSuppliers")["suppliers"]["supplier"] == [{"id": "1", "name": "Supplier 1"}]
    found = ask(order_flow, "GetArticleDataBySupplierId?id=1")["articles"]["article"]
    assert [row["artkey"] for row in found] == ["100001"]
    assert ask(order_flow, "GetArticleDataBySupplierId?id=2")["articles"]["article"] == []


def test_an_order_that_was_handed_in_can_be_read(order_flow: Sandboxes) -> None:
    assert post(order_flow, "PostOrderWithStatusCode", ORDER) == "200"
    order = ask(order_flow, "GetOrderChangesByDate?date=2026-01-01T00:00:00%2B00:00")["orders"]["order"][0]
    assert (order["ordernr"], order["customerid"], order["status"]) == ("W1", "999999", "new")
    assert order["positions"][0]["product_id"] == "0100537900016"


def test_an_order_handed_in_twice_is_there_twice(order_flow: Sandboxes) -> None:
    assert [post(order_flow, "PostOrderWithStatusCode", ORDER) for _ in range(2)] == ["200", "200"]
    orders = ask(order_flow, "GetOrderChangesByDate?date=2026-01-01T00:00:00%2B00:00")["orders"]["order"]
    assert [order["ordernr"] for order in orders] == ["W1", "W1"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<customerid>999999</customerid>", "", "400"),
        ("2026-03-01 10:00:00", "2026-03-01T10:00:00Z", "400"),
        ("0100537900016", "unknown", "404"),
        ("5.00</single", "5,00</single", "400"),
        ("</order>", "", "400"),
        ("<order>", "<!DOCTYPE order><order>", "400"),
    ],
)
def test_an_order_that_breaks_the_contract_is_refused_whole(
    order_flow: Sandboxes, old: str, new: str, code: str
) -> None:
    assert post(order_flow, "PostOrderWithStatusCode", ORDER.replace(old, new)) == code
    assert ask(order_flow, "GetOrderChangesByDate?date=2026-01-01T00:00:00%2B00:00")["orders"]["order"] == []


def test_a_changed_order_status_is_read_as_a_change(order_flow: Sandboxes) -> None:
    post(order_flow, "PostOrderWithStatusCode", ORDER)
    sent = "<orderstatus><ordernr>W1</ordernr><status>shipped</status></orderstatus>"
    assert post(order_flow, "PostOrderStatus", sent) == "200"
    rows = ask(order_flow, "GetOrderStatusChangesByDate?date=2026-01-01T00:00:00%2B00:00")["orderstatuses"][
        "orderstatus"
    ]
    assert [(row["ordernr"], row["status"]) for row in rows] == [("W1", "shipped")]


def test_stock_that_was_written_is_read_as_a_change(order_flow: Sandboxes) -> None:
    sent = "<stock><sku>SKU-1</sku><warehouse>3</warehouse><quantity>12</quantity></stock>"
    assert post(order_flow, "PostStock", sent) == "200"
    rows = ask(order_flow, "GetStock?type=byArtikelKey?artkey=100001")["stocks"]["stock"]
    assert [row["quantity"] for row in rows] == ["7", "0", "12"]


def test_stock_is_written_by_sku_and_not_by_gtin(order_flow: Sandboxes) -> None:
    sent = "<stock><sku>0100537900016</sku><warehouse>3</warehouse><quantity>12</quantity></stock>"
    assert post(order_flow, "PostStock", sent) == "404"


@pytest.mark.parametrize("entity", ["stock", "orders", "order_status"])
def test_every_read_of_the_profile_gives_its_fields(order_flow: Sandboxes, entity: str) -> None:
    post(order_flow, "PostOrderWithStatusCode", ORDER)
    profile = load_profile(None).entity(entity)
    found = rows(order_flow.settings, entity, "application/xml")
    assert found == rows(order_flow.settings, entity, "application/json")
    assert all(row[name] for row in found for name in (*profile.key, profile.modified) if name != "linenr")


def test_the_retail_folder_loads_whole(sandboxes: Sandboxes) -> None:
    folder = REPOSITORY.parent / "shared" / "data" / "retail"
    sandboxes.seed(folder)
    state = HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()["records"]
    assert (len(state["customers"]), len(state["orders"]), len(state["stock"])) == (91, 830, 537)
    assert sum(len(order["positions"]) for order in state["orders"]) == 2155
    assert next(order["total"] for order in state["orders"] if order["ordernr"] == "W10248") == "511.98"


@respx.mock
@pytest.mark.parametrize(("articles", "sizes"), [(0, [0]), (3, [2, 1]), (4, [2, 2])])
def test_an_answer_with_everything_is_taken_in_parts_and_an_article_stays_together(
    monkeypatch: pytest.MonkeyPatch, articles: int, sizes: list[int]
) -> None:
    """Its flat rows would take many times the memory of the answer (test catalogue, row 64)."""
    monkeypatch.setattr(client, "RECORDS_AT_ONCE", 2)
    skus = [{"sku": "A"}, {"sku": "B"}]
    body = {"articles": {"article": [{"artkey": str(n), "variants": skus} for n in range(articles)]}}
    own = WinstoreSettings(base_url="https://shop.example", user="winbc", password=SecretStr("x"))
    source = Winstore(Settings(winstore=own))
    whole = source.profile.entity("articles").model_copy(update={"limit": None, "page": None})
    source.profile = source.profile.model_copy(update={"reads": source.profile.reads | {"articles": whole}})
    respx.get(url__startswith="https://shop.example").mock(return_value=httpx.Response(200, json=body))
    pages = list(source.changed_since("articles", SINCE))
    assert [len(page) for page in pages] == [2 * size for size in sizes]
    assert [row["artkey"] for page in pages for row in page] == [str(n) for n in range(articles) for _ in skus]
