"""Addresses of customers; what contract version 2 adds to articles and stock (docs/winstore-contract.md; assumed)."""

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from winbc_pipeline.errors import ConfigurationError, UnreadableAnswer
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.systems.winstore import Winstore, load_profile

from ..support.sandboxes import FIRST, HTTP, Sandboxes
from ..support.winstore_profiles import VERSION_1
from .test_winstore import rows

ADDRESS = {
    "customer_id": "000123",
    "type": "delivery",
    "name": "Anna",
    "street": "Kaai",
    "house_number": "3",
    "zip": "09000",
    "city": "Gent",
    "country_iso": "BE",
    "default": "false",
}
INVOICE, DEFAULT = {"type": "invoice", "city": "Ulm"}, {"default": "true"}
PNG, JPEG = b"\x89PNG\r\n\x1a\nx", b"\xff\xd8\xffx"


@pytest.fixture
def shop(sandboxes: Sandboxes) -> Iterator[Winstore]:
    """A Winstore with one article."""
    sandboxes.fill()
    winstore = Winstore(sandboxes.settings)
    yield winstore
    winstore.close()


def with_addresses(sandboxes: Sandboxes, addresses: list[dict[str, str]]) -> None:
    write_folder(sandboxes.folder / "retail", {"addresses": [ADDRESS | row for row in addresses]})
    sandboxes.fill()


def cities(row: dict[str, Any]) -> dict[str, object]:
    return {name: row.get(name) for name in ("address_count", "invoice_city", "delivery_city", "city")}


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
@pytest.mark.parametrize(
    ("addresses", "count", "invoice", "delivery"),
    [
        ([], "0", None, None),
        ([{}], "1", None, "Gent"),
        ([{"city": "Lille"}, {}, INVOICE], "3", "Ulm", "Lille"),
        ([{"city": "Lille"}, DEFAULT, INVOICE | {"city": "Kiel"}, INVOICE | DEFAULT], "4", "Ulm", "Gent"),
    ],
    ids=["none", "one", "several", "several with a default"],
)  # fmt: skip
def test_the_first_address_of_each_type_becomes_columns(
    sandboxes: Sandboxes, accept: str, addresses: list[dict[str, str]], count: str, invoice: str, delivery: str
) -> None:
    with_addresses(sandboxes, addresses)
    (row,) = rows(sandboxes.settings, "customers", accept)
    assert cities(row) == {
        "address_count": count,
        "invoice_city": invoice,
        "delivery_city": delivery,
        "city": "Utrecht",  # his own address stays, as in version 1
    }


def test_an_address_is_staged_with_all_its_texts(sandboxes: Sandboxes) -> None:
    with_addresses(sandboxes, [{}, {"city": "Lille"}])
    connected = ConnectedFlow(flow_named("customers"), sandboxes.settings)
    stage(connected, FIRST)
    with connected.store.open() as connection:
        (row,) = rows_of(connection, "FROM staging_winstore_customers")
    assert row["address_count"] == 2
    fields = ("name", "street", "streetnr", "zip", "city", "countryISO")
    assert [row[f"delivery_{field}"] for field in fields] == ["Anna", "Kaai", "3", "09000", "Gent", "BE"]
    assert {row[f"invoice_{field}"] for field in fields} == {None}


def test_addresses_that_are_written_take_the_place_of_all_others(sandboxes: Sandboxes) -> None:
    with_addresses(sandboxes, [{}, {"type": "invoice", "city": "Ulm"}])
    sent = (
        "<customer><customerid>000123</customerid><addresses><address><type>delivery</type><city>Metz</city></address>"
    )
    url = f"{sandboxes.addresses.winstore_base}/PostCustomer"
    HTTP.post(url, content=f"{sent}</addresses></customer>", auth=("winstore", "sandbox-secret")).raise_for_status()
    (row,) = rows(sandboxes.settings, "customers", "application/json")
    assert cities(row) == {"address_count": "1", "invoice_city": None, "delivery_city": "Metz", "city": "Utrecht"}


def test_an_address_of_no_customer_is_refused(sandboxes: Sandboxes) -> None:
    write_folder(sandboxes.folder / "retail", {"addresses": [ADDRESS | {"customer_id": "5"}]})
    with pytest.raises(AssertionError, match="addresses.csv row 2: customer 5 is not in customers.csv"):
        sandboxes.fill()


def test_an_article_is_written_with_its_variants_in_one_call(shop: Winstore) -> None:
    lines = [{"sku": "T-S", "size": "S", "price": Decimal("9.50")}, {"sku": "T-M", "size": "M"}]
    fields = {"name": "Shirt", "type": "configurable", "supplierid": "007"}
    given = shop.post("articles", fields, lines, repeatable=False)
    found = shop.find("articles", "artkey", [given.id], False)[given.id]
    assert [(row["sku"], row["size"], row["price"]) for row in found] == [("T-S", "S", "9.50"), ("T-M", "M", "")]
    assert {(row["name"], row["type"], row["supplierid"]) for row in found} == {("Shirt", "configurable", "007")}


def test_a_picture_that_is_written_takes_the_place_of_the_one_before(sandboxes: Sandboxes, shop: Winstore) -> None:
    names = set()
    for content in (PNG, JPEG):
        assert shop.post_picture("100001", content).taken
        found = shop.picture("100001")
        assert found is not None
        assert found.content == content
        names |= {row["picture"] for row in rows(sandboxes.settings, "articles", "application/json")}
    assert len(names) == 2, "the name changes with the picture"
    state = HTTP.get(f"{sandboxes.addresses.winstore_control}/__state").json()
    assert [each["body"] for each in state["writes"]] == [{"bytes": len(PNG)}, {"bytes": len(JPEG)}]


@pytest.mark.parametrize(("key", "content", "code"), [("5", PNG, "404"), ("100001", b"GIF89a", "400")])
def test_a_picture_of_nothing_and_what_is_no_picture_are_refused(
    shop: Winstore, key: str, content: bytes, code: str
) -> None:
    given = shop.post_picture(key, content)
    assert (given.taken, given.code) == (False, code)


def test_an_article_that_is_written_is_read_as_a_change(sandboxes: Sandboxes, shop: Winstore) -> None:
    shop.post("articles", {"artkey": "100001", "type": "service"}, [], repeatable=True)
    assert [(row["sku"], row["type"]) for row in rows(sandboxes.settings, "articles", "application/xml")] == [
        ("SKU-1", "service")
    ]


def test_type_and_stock_flag_come_from_the_retail_folder(sandboxes: Sandboxes) -> None:
    stock = {"warehouse": "1", "quantity": "3", "reserved": "0", "modified_at": "2026-03-03T10:00:00Z"}
    flags = [stock | {"sku": "SKU-1", "manage_stock": "true"}, stock | {"sku": "SKU-2", "manage_stock": ""}]
    write_folder(sandboxes.folder / "retail", {"stock": flags})
    sandboxes.fill(articles=[{"article_type": "simple"}])
    assert [row["type"] for row in rows(sandboxes.settings, "articles", "application/json")] == ["simple"]
    for accept in ("application/json", "application/xml"):
        assert [row["managestock"] for row in rows(sandboxes.settings, "stock", accept)] == ["true", None]


def set_picture(sandboxes: Sandboxes, content: bytes, key: str = "100001") -> int:
    body = {"artkey": key, "content": base64.b64encode(content).decode()}
    return HTTP.post(f"{sandboxes.addresses.winstore_control}/__picture", json=body).status_code


def pictured(winstore: Winstore) -> dict[str, object]:
    return winstore.find("articles", "artkey", ["100001"], False)["100001"][0]


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg")])
def test_a_picture_comes_as_it_is_with_its_content_type(
    sandboxes: Sandboxes, shop: Winstore, content: bytes, kind: str
) -> None:
    assert set_picture(sandboxes, content) == 200
    found = shop.picture("100001")
    assert found is not None
    assert (found.content_type, found.content) == (kind, content)


def test_another_picture_has_another_name_and_moves_the_moment(sandboxes: Sandboxes, shop: Winstore) -> None:
    before = pictured(shop)
    assert before["picture"] == ""
    set_picture(sandboxes, PNG)
    first = pictured(shop)
    set_picture(sandboxes, PNG + b"y")
    second = pictured(shop)
    assert str(before["modified"]) < str(first["modified"]) <= str(second["modified"])
    assert "" != first["picture"] != second["picture"]


def test_where_there_is_no_picture_none_comes(sandboxes: Sandboxes, shop: Winstore) -> None:
    set_picture(sandboxes, PNG)
    set_picture(sandboxes, b"")
    assert (shop.picture("100001"), shop.picture("7"), pictured(shop)["picture"]) == (None, None, "")


def test_what_is_no_picture_is_not_taken_for_none(sandboxes: Sandboxes, shop: Winstore) -> None:
    sandboxes.fault("winstore", {"kind": "html", "path": "/GetArticlePicture"})
    with pytest.raises(UnreadableAnswer):
        shop.picture("100001")
    with pytest.raises(UnreadableAnswer, match="is no picture"):
        shop.picture("")


@pytest.mark.parametrize(("content", "key", "status"), [(b"GIF89a", "100001", 400), (PNG, "7", 404)])
def test_the_sandbox_takes_no_other_picture(
    sandboxes: Sandboxes, shop: Winstore, content: bytes, key: str, status: int
) -> None:
    assert set_picture(sandboxes, content, key) == status
    assert pictured(shop)["picture"] == ""


def test_a_profile_of_version_1_reads_no_picture(shop: Winstore) -> None:
    shop.profile = load_profile(VERSION_1)
    with pytest.raises(ConfigurationError, match=r"pictures\.articles"):
        shop.picture("100001")
