"""Look-ups in Winstore, and what the answers of its writes tell (docs/winstore-contract.md, version 2; all assumed)."""

from collections.abc import Iterator
from decimal import Decimal
from threading import Barrier

import pytest

from winbc_pipeline.errors import ConfigurationError, UnreadableAnswer
from winbc_pipeline.systems.transport import Answer
from winbc_pipeline.systems.winstore import Winstore, load_profile

from ..support.sandboxes import HTTP, Sandboxes
from ..support.winstore_profiles import VERSION_1


@pytest.fixture
def shop(sandboxes: Sandboxes) -> Iterator[Winstore]:
    """A Winstore with two customers and an article with two variants."""
    sandboxes.fill(
        customers=[{}, {"customer_id": "123", "email": "Bob+1@Mail.example"}],
        articles=[{"size": "S"}, {"sku": "SKU-2", "gtin": "", "size": "M"}],
    )
    winstore = Winstore(sandboxes.settings)
    yield winstore
    winstore.close()


def customer(winstore: Winstore, key: str) -> dict[str, object]:
    return winstore.find("customers", "customerid", [key], False)[key][0]


def variants(winstore: Winstore, key: str) -> dict[str, dict[str, object]]:
    return {row["sku"]: row for row in winstore.find("articles", "artkey", [key], False)[key]}


def test_a_key_with_leading_zeros_is_another_key(shop: Winstore) -> None:
    found = shop.find("customers", "customerid", ["000123", "0123", "123"], False)
    assert {key: [row["email"] for row in rows] for key, rows in found.items()} == {
        "000123": ["anna@mail.example"],
        "123": ["Bob+1@Mail.example"],
    }


def test_an_email_is_found_whatever_its_capitals(shop: Winstore) -> None:
    found = shop.find("customers", "email", ["bob+1@mail.example", "nobody@mail.example"], True)
    assert {key: [row["customerid"] for row in rows] for key, rows in found.items()} == {"bob+1@mail.example": ["123"]}


def test_capitals_count_where_they_are_not_to_be_ignored(shop: Winstore) -> None:
    assert list(shop.find("articles", "sku", ["sku-1", "SKU-2"], False)) == ["SKU-2"]


def test_all_customers_with_an_email_are_found(shop: Winstore) -> None:
    shop.post("customers", {"customerid": "124", "email": "bob+1@mail.example"}, [], repeatable=True)
    found = shop.find("customers", "email", ["bob+1@mail.example"], True)
    assert [row["customerid"] for row in found["bob+1@mail.example"]] == ["123", "124"]


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
def test_an_article_is_found_by_sku_gtin_and_key(shop: Winstore, accept: str) -> None:
    by = shop.profile.finds["articles"].model_copy(update={"accept": accept})
    shop.profile = shop.profile.model_copy(update={"finds": {"articles": by}})
    assert [row["size"] for row in shop.find("articles", "sku", ["SKU-2"], False)["SKU-2"]] == ["M"]
    assert [row["sku"] for row in shop.find("articles", "gtin", ["0100537900016"], False)["0100537900016"]] == ["SKU-1"]
    assert [row["variant_count"] for row in shop.find("articles", "artkey", ["100001"], False)["100001"]] == ["2", "2"]


def test_only_the_wanted_fields_come(shop: Winstore) -> None:
    assert shop.find("articles", "sku", ["SKU-1"], False, ["sku", "price"]) == {
        "SKU-1": [{"sku": "SKU-1", "price": "18.5"}]
    }


def test_a_value_that_nobody_has_is_left_out_and_nothing_is_asked_for_nothing(
    sandboxes: Sandboxes, shop: Winstore
) -> None:
    assert shop.find("articles", "sku", ["SKU-3"], False) == {}
    before = len(winstore_calls(sandboxes))
    assert shop.find("articles", "sku", ["", *()], False) == {}
    assert len(winstore_calls(sandboxes)) == before


def winstore_calls(sandboxes: Sandboxes) -> list[dict[str, object]]:
    calls: list[dict[str, object]] = HTTP.get(f"{sandboxes.addresses.winstore_control}/__log").json()["calls"]
    return calls


def test_a_look_up_that_is_not_answered_is_no_empty_one(sandboxes: Sandboxes, shop: Winstore) -> None:
    sandboxes.fault("winstore", {"kind": "html", "path": "/GetCustomer"})
    with pytest.raises(UnreadableAnswer):
        shop.find("customers", "customerid", ["123"], False)


def test_five_look_ups_are_in_flight(shop: Winstore) -> None:
    five, ask = Barrier(5, timeout=30), shop.ask  # a look-up is made once five of them have come

    def ask_together(call: str, asked: dict[str, str], accept: str) -> Answer:
        five.wait()
        return ask(call, asked, accept)

    shop.ask = ask_together  # type: ignore[method-assign]
    wanted = [f"SKU-{n}" for n in range(10)]
    assert list(shop.find("articles", "sku", wanted, False)) == ["SKU-1", "SKU-2"]


@pytest.mark.parametrize(("entity", "field"), [("customers", "phone"), ("stock", "sku")])
def test_what_the_profile_cannot_look_up_is_a_mistake_of_the_settings(shop: Winstore, entity: str, field: str) -> None:
    assert not shop.can_find(entity, field)
    with pytest.raises(ConfigurationError, match=rf"finds\.{entity} by {field}"):
        shop.find(entity, field, ["1"], False)


def test_a_customer_without_a_key_gets_the_next_free_number(shop: Winstore) -> None:
    given = shop.post("customers", {"fname": "Cees", "email": "c@mail.example"}, [], repeatable=False)
    assert (given.taken, given.id) == (True, "124")
    assert customer(shop, "124")["email"] == "c@mail.example"


def test_the_catch_all_customers_number_is_never_given(shop: Winstore) -> None:
    """winstore.md section 2: 999999 is the catch-all customer."""
    shop.post("customers", {"customerid": "999998"}, [], repeatable=True)
    assert shop.post("customers", {"fname": "Cees"}, [], repeatable=False).id == "1000000"


def test_a_customer_with_an_unknown_key_is_created_under_it(shop: Winstore) -> None:
    assert shop.post("customers", {"customerid": "0777", "fname": "Cees"}, [], repeatable=True).id == "0777"
    assert customer(shop, "0777")["fname"] == "Cees"


def test_a_key_that_is_no_integer_is_refused(shop: Winstore) -> None:
    assert not shop.post("customers", {"customerid": "C-1"}, [], repeatable=True).taken


def test_fields_that_are_left_out_stay(shop: Winstore) -> None:
    shop.post("customers", {"customerid": "000123", "city": "Gent"}, [], repeatable=True)
    found = customer(shop, "000123")
    assert (found["city"], found["email"], found["created"]) == (
        "Gent",
        "anna@mail.example",
        "2025-01-01T00:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("write", "fields"), [("customers", {"customerid": "000123", "city": "Gent"}), ("articles", {"sku": "SKU-1"})]
)
def test_the_answer_tells_the_moment_that_the_record_has_then(
    sandboxes: Sandboxes, shop: Winstore, write: str, fields: dict[str, str]
) -> None:
    control = f"{sandboxes.addresses.winstore_control}/__clock"
    HTTP.post(control, json={"now": "2026-05-01T10:00:00.123Z"}).raise_for_status()
    given = shop.post(write, fields, [], repeatable=True)
    assert given.modified == "2026-05-01T10:00:00.123Z"
    key = next(iter(fields))
    assert shop.find(write, key, [fields[key]], False)[fields[key]][0]["modified"] == given.modified


def test_an_answer_without_id_and_moment_gives_none(shop: Winstore) -> None:
    assert (shop.post("stock", {"sku": "SKU-1", "warehouse": "1", "quantity": "3"}, [], repeatable=True).id) == ""
    shop.profile = load_profile(VERSION_1)
    given = shop.post("customers", {"customerid": "000123"}, [], repeatable=True)
    assert (given.taken, given.id, given.modified) == (True, "", "")


def post(sandboxes: Sandboxes, body: str) -> str:
    url = f"{sandboxes.addresses.winstore_base}/PostArticle"
    return HTTP.post(url, content=body, auth=("winstore", "sandbox-secret")).text


def test_an_article_without_a_key_is_created_with_its_variants(sandboxes: Sandboxes, shop: Winstore) -> None:
    body = "<variant><sku>T-S</sku><size>S</size></variant><variant><sku>T-M</sku><price>9.5</price></variant>"
    answer = post(sandboxes, f"<article><name>Shirt</name><variants>{body}</variants></article>")
    assert "<statuscode>200</statuscode>" in answer
    assert "<id>100002</id>" in answer
    found = variants(shop, "100002")
    assert {sku: (row["name"], row["size"], row["price"]) for sku, row in found.items()} == {
        "T-S": ("Shirt", "S", ""),
        "T-M": ("Shirt", "", "9.5"),
    }


def test_variants_that_are_left_out_stay(sandboxes: Sandboxes, shop: Winstore) -> None:
    body = (
        "<variants><variant><sku>SKU-3</sku></variant><variant><sku>SKU-1</sku><color>red</color></variant></variants>"
    )
    assert "<id>100001</id>" in post(sandboxes, f"<article><artkey>100001</artkey>{body}</article>")
    found = variants(shop, "100001")
    assert {sku: row["color"] for sku, row in found.items()} == {"SKU-1": "red", "SKU-2": "", "SKU-3": ""}
    assert found["SKU-1"]["size"] == "S"


@pytest.mark.usefixtures("shop")
def test_an_article_without_a_key_is_the_one_that_has_its_variants(sandboxes: Sandboxes) -> None:
    assert "<id>100001</id>" in post(
        sandboxes, "<article><variants><variant><sku>SKU-2</sku></variant></variants></article>"
    )


def test_an_empty_element_empties_a_field(sandboxes: Sandboxes, shop: Winstore) -> None:
    assert "<statuscode>200</statuscode>" in post(sandboxes, "<article><sku>SKU-1</sku><price/><gtin/></article>")
    row = variants(shop, "100001")["SKU-1"]
    assert (row["price"], row["gtin"], row["title"]) == ("", "", "Mug")
    assert shop.find("articles", "gtin", ["0100537900016"], False) == {}


def test_variants_of_another_article_are_refused(sandboxes: Sandboxes, shop: Winstore) -> None:
    body = "<article><artkey>7</artkey><variants><variant><sku>SKU-2</sku></variant></variants></article>"
    assert "<statuscode>400</statuscode>" in post(sandboxes, body)
    assert shop.find("articles", "artkey", ["7"], False) == {}


@pytest.mark.parametrize("sku", ["SKU-9", "0100537900016"])
def test_fields_of_a_variant_at_the_top_change_one_that_is_there(
    sandboxes: Sandboxes, shop: Winstore, sku: str
) -> None:
    assert "<statuscode>404</statuscode>" in post(sandboxes, f"<article><sku>{sku}</sku><price>3</price></article>")
    assert "<id>100001</id>" in post(sandboxes, "<article><sku>SKU-2</sku><price>3.5</price></article>")
    found = variants(shop, "100001")
    assert {each: row["price"] for each, row in found.items()} == {"SKU-1": "18.5", "SKU-2": "3.5"}


def test_an_article_of_one_variant_is_created_with_its_fields_at_the_top(shop: Winstore) -> None:
    given = shop.post("articles", {"sku": "SKU-9", "name": "Bowl", "price": Decimal("3.50")}, [], repeatable=False)
    assert {sku: row["price"] for sku, row in variants(shop, given.id).items()} == {"SKU-9": "3.50"}
