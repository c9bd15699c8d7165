"""What lands in Business Central, and how."""

from dataclasses import replace

import httpx
import pytest

from winbc_pipeline.errors import AuthenticationFailed, ConfigurationError, SystemUnavailable, UnreadableAnswer
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.run import planned, sync
from winbc_pipeline.sync.stage import flow_store
from winbc_pipeline.systems.business_central import BusinessCentral, Operation

from .conftest import FIRST, LAST, World


def edit(world: World, field: str, value: object) -> None:
    """A user of Business Central changes the one item."""
    world.edit_item("SKU-1", **{field: value})


def test_a_changed_field_writes_exactly_one_patch_with_that_field(world: World) -> None:
    world.fill()
    world.sync("products")
    writes = len(world.bc()["writes"])
    world.fill(articles=[{"price": "19.95", "modified_at": "2026-03-03T10:00:00.000Z"}])

    assert world.sync("products").updated == 1

    sent = world.bc()["writes"][writes:]
    assert [(write["method"], write["body"]) for write in sent] == [("PATCH", {"unitPrice": 19.95})]


def test_the_long_description_is_sent_on_create_only(world: World) -> None:
    world.fill()
    world.sync("products")
    world.fill(articles=[{"description_long": "another", "modified_at": "2026-03-03T10:00:00.000Z"}])
    writes = len(world.bc()["writes"])
    world.sync("products")
    assert len(world.bc()["writes"]) == writes
    assert world.bc()["records"]["items"][0]["displayName2"] == "A mug that lasts"


def test_text_ids_keep_their_leading_zeros(world: World) -> None:
    world.fill()
    world.sync("products")
    world.sync("customers")
    assert world.bc()["records"]["items"][0]["gtin"] == "0100537900016"
    assert world.bc()["records"]["customers"][0]["number"] == "WS000123"


def test_new_items_are_blocked_when_the_setting_says_so(world: World) -> None:
    world.fill()
    settings = Settings(**(dict(world.settings) | {"products": {"new_items": "blocked"}}))
    sync(flow_named("products"), settings, FIRST, LAST, "run")
    assert world.bc()["records"]["items"][0]["blocked"] is True


def test_a_company_gets_its_person_as_contact(world: World) -> None:
    world.fill(customers=[{"company_name": "Klein BV"}])
    world.sync("customers")
    state = world.bc()["records"]
    company, person = state["contacts"]
    assert state["customers"][0]["type"] == "Company"
    assert (person["displayName"], person["companyNumber"]) == ("Anna O'Neil", company["number"])


def test_a_customer_that_exists_by_email_is_adopted_and_not_made_again(world: World) -> None:
    world.seed_bc(customers=[{"displayName": "old", "type": "Person", "email": "Anna@Mail.example", "number": "C1"}])
    world.fill()
    assert world.sync("customers").updated == 1
    (customer,) = world.bc()["records"]["customers"]
    assert (customer["number"], customer["displayName"]) == ("C1", "Anna O'Neil")


def test_several_customers_with_the_email_fail_with_a_reason_and_no_write(world: World) -> None:
    twice = [{"displayName": n, "type": "Person", "email": "anna@mail.example", "number": n} for n in ("C1", "C2")]
    world.seed_bc(customers=twice)
    world.fill()
    assert world.sync("customers").failed == 1
    assert world.ledger("customers")["000123"]["reason"] == "AMBIGUOUS"
    assert world.bc()["writes"] == []


@pytest.mark.parametrize("email", ["o'neil@mail.example", "a*b@mail.example", "a&b@mail.example", "a(b)@mail.example"])
def test_an_email_with_signs_of_the_filter_language_is_found_again(world: World, email: str) -> None:
    world.seed_bc(customers=[{"displayName": "x", "type": "Person", "email": email, "number": "C1"}])
    world.fill(customers=[{"email": email}])
    world.sync("customers")
    assert len(world.bc()["records"]["customers"]) == 1


@pytest.mark.parametrize(("first", "second"), [("Wine", "WINE "), ("Wine", "wine"), ("Wine", "Spirits")])
def test_categories_that_map_to_one_code_are_one_record(world: World, first: str, second: str) -> None:
    with (world.own_tables() / "lookups" / "categories.csv").open("a", encoding="utf-8") as file:
        file.write("Spirits,Wine,\n")
    articles = [{"category": first}, {"sku": "SKU-2", "article_key": "2", "category": second}]
    world.fill(articles=articles)
    assert world.sync("products").failed == 0
    assert world.sync("products").failed == 0
    state = world.bc()
    assert [each["code"] for each in state["records"]["itemCategories"]].count("WINE") == 1
    assert {each["itemCategoryCode"] for each in state["records"]["items"]} == {"WINE"}
    assert len(state["writes"]) == 3


def test_a_category_in_the_ledger_under_its_source_name_is_known_again(world: World) -> None:
    flow = flow_named("products")
    earlier = replace(flow, parts=tuple(replace(part, merged_by="") for part in flow.parts))
    articles = [{"category": "Wine"}, {"sku": "SKU-2", "article_key": "2", "category": "WINE "}]
    world.fill(articles=articles)
    assert sync(earlier, world.settings, FIRST, LAST, "before").failed == 1
    writes = len(world.bc()["writes"])
    assert world.sync("products").failed == 0
    assert len(world.bc()["writes"]) == writes


def test_what_becomes_empty_empties_texts_and_leaves_numbers_and_references(world: World) -> None:
    table = world.own_tables() / "customers_winstore_to_bc" / "customer.csv"
    with table.open("a", encoding="utf-8") as file:
        file.write("creditLimit,to_number(phone),,always,,\n")
        file.write("paymentTermsId,\"if(phone is null, null, '30 DAYS')\",,always,,\n")
    world.fill(customers=[{"phone": "100"}])
    world.sync("customers")
    (before,) = world.bc()["records"]["customers"]
    world.fill(customers=[{"phone": "", "modified_at": "2026-03-03T10:00:00.000Z"}])
    assert world.sync("customers").updated == 1
    (customer,) = world.bc()["records"]["customers"]
    assert (before["phoneNumber"], customer["phoneNumber"]) == ("100", "")
    assert customer["creditLimit"] == before["creditLimit"] == 100
    assert customer["paymentTermsId"] == before["paymentTermsId"]
    assert world.sync("customers").updated == 0


def test_two_source_customers_with_one_email_are_not_merged(world: World) -> None:
    world.fill(customers=[{}, {"customer_id": "000124"}])
    done = world.sync("customers")
    assert (done.created, done.failed) == (1, 1)
    assert world.ledger("customers")["000124"]["reason"] == "TARGET_TAKEN"


@pytest.mark.parametrize("kind", ["drop_after", "status_after"])
def test_a_lost_answer_makes_no_second_record(world: World, kind: str) -> None:
    world.fill()
    world.fault("bc", {"kind": kind, "status": 504, "path": "$batch", "method": "POST", "times": 1})
    world.sync("customers")
    done = world.sync("customers")
    assert done.failed == 0
    assert len(world.bc()["records"]["customers"]) == 1


def test_an_edit_in_business_central_survives_an_update_of_another_field(world: World) -> None:
    world.fill()
    world.sync("products")
    edit(world, "gtin", "0999")
    world.fill(articles=[{"price": "20", "modified_at": "2026-03-03T10:00:00.000Z"}])
    world.sync("products")
    item = world.bc()["records"]["items"][0]
    assert (item["gtin"], item["unitPrice"]) == ("0999", 20)


def test_both_sides_changing_one_field_is_a_conflict_for_a_person(world: World) -> None:
    world.fill()
    world.sync("products")
    edit(world, "unitPrice", 99)
    world.fill(articles=[{"price": "20", "modified_at": "2026-03-03T10:00:00.000Z"}])
    assert world.sync("products").failed == 1
    assert world.ledger("products")["SKU-1"]["reason"] == "BOTH_CHANGED"
    assert world.bc()["records"]["items"][0]["unitPrice"] == 99


def test_the_plan_is_exactly_what_is_written(world: World) -> None:
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.run import plan_windows, push_windows
    from winbc_pipeline.sync.stage import stage

    world.fill()
    flow = flow_named("products")
    stage(flow, world.settings, FIRST)
    map_windows(flow, world.settings, FIRST, LAST)
    plan_windows(flow, world.settings, FIRST, LAST, "plan")
    assert world.bc()["writes"] == []
    bodies = {row["key"]: row["body"] for row in planned(flow, world.settings, FIRST, LAST)}
    push_windows(flow, world.settings, FIRST, LAST, "push")
    import json

    written = {write["key"]: write["body"] for write in world.bc()["writes"]}
    assert written == {"KITCHEN": json.loads(bodies["KITCHEN"]), "SKU-1": json.loads(bodies["SKU-1"])}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "html"}, UnreadableAnswer),
        ({"kind": "truncate"}, UnreadableAnswer),
        ({"kind": "status", "status": 401, "times": 9}, AuthenticationFailed),
    ],
)
def test_a_bad_answer_of_winstore_is_a_clear_error_and_loses_nothing(
    world: World, fault: dict[str, object], error: type[Exception]
) -> None:
    world.fill()
    world.fault("winstore", fault)
    with pytest.raises(error):
        world.sync("customers")
    world.fault("winstore")
    assert world.sync("customers").created == 1


@pytest.mark.parametrize("fault", [{"kind": "html"}, {"kind": "truncate"}])
def test_a_page_that_is_no_answer_is_not_taken_for_nothing_found(world: World, fault: dict[str, object]) -> None:
    world.seed_bc(customers=[{"displayName": "x", "type": "Person", "email": "anna@mail.example", "number": "C1"}])
    world.fill()
    world.fault("bc", fault | {"path": "customers", "method": "GET"})
    with pytest.raises(UnreadableAnswer):
        world.sync("customers")
    assert world.bc()["writes"] == []


def test_an_unreachable_host_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from winbc_pipeline.systems.transport import Limits, Transport

    transport = Transport("Winstore", "http://127.0.0.1:9", lambda _: "", Limits(tries=2), sleep=lambda _: None)
    with pytest.raises(SystemUnavailable, match="127.0.0.1:9 cannot be reached"):
        transport.call("GET", "x")
    transport.close()


def change_customer(world: World, **fields: str) -> None:
    sent = "".join(f"<{name}>{value}</{name}>" for name, value in {"customerid": "000123", **fields}.items())
    url = f"{world.addresses.winstore_base}/PostCustomer"
    login = ("winstore", "sandbox-secret")
    httpx.post(url, content=f"<customer>{sent}</customer>", auth=login).raise_for_status()


def test_an_adopted_customer_stays_linked_when_its_email_changes(world: World) -> None:
    world.seed_bc(customers=[{"number": "X1", "displayName": "Anna", "email": "anna@mail.example", "type": "Person"}])
    world.fill()
    world.sync("customers")
    change_customer(world, email="new@mail.example")
    world.sync("customers")
    assert [(row["number"], row["email"]) for row in world.bc()["records"]["customers"]] == [("X1", "new@mail.example")]


def test_a_record_that_was_renumbered_in_business_central_is_still_the_same(world: World) -> None:
    world.fill()
    world.sync("products")
    item = world.bc()["records"]["items"][0]
    target = BusinessCentral(world.settings)
    target.batch([Operation("1", "PATCH", f"items({item['id']})", {"number": "RENAMED"}, "*")])
    target.close()
    world.fill(articles=[{"price": "20", "modified_at": "2026-03-04T10:00:00.000Z"}])
    assert world.sync("products").updated == 1
    assert [(row["number"], row["unitPrice"]) for row in world.bc()["records"]["items"]] == [("RENAMED", 20)]


def test_the_watermark_stops_before_a_change_that_was_not_sent(world: World) -> None:
    world.fill()
    world.sync("customers")
    followed = ledger.watermark(flow_store(flow_named("customers"), world.settings), "customers_winstore_to_bc")
    change_customer(world, city="Gent")
    sync(flow_named("customers"), world.settings, FIRST, FIRST, "an old window only")
    assert ledger.watermark(flow_store(flow_named("customers"), world.settings), "customers_winstore_to_bc") == followed


def test_a_change_from_the_future_is_sent_now_and_holds_nothing_back(world: World) -> None:
    world.fill(customers=[{"modified_at": "2099-01-01T00:00:00.000Z"}, {"customer_id": "2", "email": "b@mail.example"}])
    assert world.sync("customers").created == 2
    followed = ledger.watermark(flow_store(flow_named("customers"), world.settings), "customers_winstore_to_bc")
    assert followed
    assert followed.year == 2026


def test_a_lost_answer_about_an_article_that_then_gets_variants_is_settled(world: World) -> None:
    world.fill()
    world.fault("bc", {"kind": "drop_after", "path": "$batch", "method": "POST", "nth": 2, "times": 3})
    world.sync("products")
    world.fill(articles=[{"color": "red", "modified_at": "2026-03-04T10:00:00.000Z"}])
    assert world.sync("products").failed == 0


def test_a_record_in_trouble_that_the_source_no_longer_has_is_settled(world: World) -> None:
    world.fill(customers=[{"company_name": "Jansen & Co", "phone": "1" * 31}])
    assert world.sync("customers").failed == 1
    world.fill(customers=[{"company_name": "", "phone": "1", "modified_at": "2026-03-04T10:00:00.000Z"}])
    assert world.sync("customers").failed == 0


def test_a_ledger_is_not_believed_in_another_company(world: World) -> None:
    customers = [{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(6)]
    world.fill(customers=customers)
    world.sync("customers")
    for row in world.bc()["records"]["customers"]:
        target = BusinessCentral(world.settings)
        target.batch([Operation("1", "DELETE", f"customers({row['id']})", etag="*")])
        target.close()
    with pytest.raises(ConfigurationError, match="None of the 6 records"):
        world.sync("customers")


def test_an_article_without_a_sku_is_told(world: World) -> None:
    world.fill(articles=[{}, {"article_key": "777", "sku": ""}])
    world.sync("products")
    assert world.ledger("products")["777"]["reason"] == "NO_SKU"


def test_an_update_does_not_give_two_customers_one_email(world: World) -> None:
    world.fill(customers=[{}, {"customer_id": "2", "email": "b@mail.example"}])
    world.sync("customers")
    change_customer(world, email="B@mail.example")
    assert world.sync("customers").failed == 1
    assert world.ledger("customers")["000123"]["reason"] == "TARGET_TAKEN"
    assert {row["email"] for row in world.bc()["records"]["customers"]} == {"anna@mail.example", "b@mail.example"}
