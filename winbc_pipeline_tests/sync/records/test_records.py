"""What lands in Business Central, and how."""

from dataclasses import replace

import pytest

from winbc_pipeline.errors import AuthenticationFailed, ConfigurationError, SystemUnavailable, UnreadableAnswer
from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.business_central import BusinessCentral, Operation
from winbc_pipeline.workbench.plans import planned

from ...support.sandboxes import FIRST, HTTP, LAST, Sandboxes, put_row


def edit(sandboxes: Sandboxes, field: str, value: object) -> None:
    """A user of Business Central changes the one item."""
    sandboxes.edit_item("SKU-1", **{field: value})


def test_a_changed_field_writes_exactly_one_patch_with_that_field(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    writes = len(sandboxes.bc()["writes"])
    sandboxes.fill(articles=[{"price": "19.95", "modified_at": "2026-03-03T10:00:00.000Z"}])

    assert sandboxes.sync("products").updated == 1

    sent = sandboxes.bc()["writes"][writes:]
    assert [(write["method"], write["body"]) for write in sent] == [("PATCH", {"unitPrice": 19.95})]


def test_the_long_description_is_sent_on_create_only(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    sandboxes.fill(articles=[{"description_long": "another", "modified_at": "2026-03-03T10:00:00.000Z"}])
    writes = len(sandboxes.bc()["writes"])
    sandboxes.sync("products")
    assert len(sandboxes.bc()["writes"]) == writes
    assert sandboxes.bc()["records"]["items"][0]["displayName2"] == "A mug that lasts"


def test_text_ids_keep_their_leading_zeros(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    sandboxes.sync("customers")
    assert sandboxes.bc()["records"]["items"][0]["gtin"] == "0100537900016"
    assert sandboxes.bc()["records"]["customers"][0]["number"] == "WS000123"


def test_new_items_are_blocked_when_the_setting_says_so(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    settings = Settings(**(dict(sandboxes.settings) | {"products": {"new_items": "blocked"}}))
    sync(Work(ConnectedFlow(flow_named("products"), settings), FIRST, LAST, "run"))
    assert sandboxes.bc()["records"]["items"][0]["blocked"] is True


def test_a_company_gets_its_person_as_contact(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{"company_name": "Klein BV"}])
    sandboxes.sync("customers")
    state = sandboxes.bc()["records"]
    company, person = state["contacts"]
    assert state["customers"][0]["type"] == "Company"
    assert (person["displayName"], person["companyNumber"]) == ("Anna O'Neil", company["number"])


def test_a_customer_that_exists_by_email_is_adopted_and_not_made_again(sandboxes: Sandboxes) -> None:
    sandboxes.seed_bc(
        customers=[{"displayName": "old", "type": "Person", "email": "Anna@Mail.example", "number": "C1"}]
    )
    sandboxes.fill()
    assert sandboxes.sync("customers").updated == 1
    (customer,) = sandboxes.bc()["records"]["customers"]
    assert (customer["number"], customer["displayName"]) == ("C1", "Anna O'Neil")


def test_several_customers_with_the_email_fail_with_a_reason_and_no_write(sandboxes: Sandboxes) -> None:
    twice = [{"displayName": n, "type": "Person", "email": "anna@mail.example", "number": n} for n in ("C1", "C2")]
    sandboxes.seed_bc(customers=twice)
    sandboxes.fill()
    assert sandboxes.sync("customers").failed == 1
    assert sandboxes.ledger("customers")["000123"]["reason"] == "AMBIGUOUS"
    assert sandboxes.bc()["writes"] == []


@pytest.mark.parametrize("email", ["o'neil@mail.example", "a*b@mail.example", "a&b@mail.example", "a(b)@mail.example"])
def test_an_email_with_signs_of_the_filter_language_is_found_again(sandboxes: Sandboxes, email: str) -> None:
    sandboxes.seed_bc(customers=[{"displayName": "x", "type": "Person", "email": email, "number": "C1"}])
    sandboxes.fill(customers=[{"email": email}])
    sandboxes.sync("customers")
    assert len(sandboxes.bc()["records"]["customers"]) == 1


@pytest.mark.parametrize(("first", "second"), [("Wine", "WINE "), ("Wine", "wine"), ("Wine", "Spirits")])
def test_categories_that_map_to_one_code_are_one_record(sandboxes: Sandboxes, first: str, second: str) -> None:
    with (sandboxes.own_tables() / "lookups" / "categories.csv").open("a", encoding="utf-8") as file:
        file.write("Spirits,Wine,\n")
    articles = [{"category": first}, {"sku": "SKU-2", "article_key": "2", "category": second}]
    sandboxes.fill(articles=articles)
    assert sandboxes.sync("products").failed == 0
    assert sandboxes.sync("products").failed == 0
    state = sandboxes.bc()
    assert [each["code"] for each in state["records"]["itemCategories"]].count("WINE") == 1
    assert {each["itemCategoryCode"] for each in state["records"]["items"]} == {"WINE"}
    assert len(state["writes"]) == 3


def test_a_category_in_the_ledger_under_its_source_name_is_known_again(sandboxes: Sandboxes) -> None:
    flow = flow_named("products")
    used = flow.active(sandboxes.settings)
    earlier = replace(flow, shape=None, parts=tuple(replace(part, merged_by="") for part in used))
    articles = [{"category": "Wine"}, {"sku": "SKU-2", "article_key": "2", "category": "WINE "}]
    sandboxes.fill(articles=articles)
    assert sync(Work(ConnectedFlow(earlier, sandboxes.settings), FIRST, LAST, "before")).failed == 1
    writes = len(sandboxes.bc()["writes"])
    assert sandboxes.sync("products").failed == 0
    assert len(sandboxes.bc()["writes"]) == writes


def test_what_becomes_empty_empties_texts_and_leaves_numbers_and_references(sandboxes: Sandboxes) -> None:
    table = sandboxes.own_tables() / "customers_winstore_to_bc" / "customer.csv"
    put_row(table, "creditLimit,to_number(phone),,always,,")
    put_row(table, "paymentTermsId,\"if(phone is null, null, '30 DAYS')\",,always,,")
    sandboxes.fill(customers=[{"phone": "100"}])
    sandboxes.sync("customers")
    (before,) = sandboxes.bc()["records"]["customers"]
    sandboxes.fill(customers=[{"phone": "", "modified_at": "2026-03-03T10:00:00.000Z"}])
    assert sandboxes.sync("customers").updated == 1
    (customer,) = sandboxes.bc()["records"]["customers"]
    assert (before["phoneNumber"], customer["phoneNumber"]) == ("100", "")
    assert customer["creditLimit"] == before["creditLimit"] == 100
    assert customer["paymentTermsId"] == before["paymentTermsId"]
    assert sandboxes.sync("customers").updated == 0


def test_two_source_customers_with_one_email_are_not_merged(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{}, {"customer_id": "000124"}])
    done = sandboxes.sync("customers")
    assert (done.created, done.failed) == (1, 1)
    assert sandboxes.ledger("customers")["000124"]["reason"] == "TARGET_TAKEN"


@pytest.mark.parametrize("kind", ["drop_after", "status_after"])
def test_a_lost_answer_makes_no_second_record(sandboxes: Sandboxes, kind: str) -> None:
    sandboxes.fill()
    sandboxes.fault("bc", {"kind": kind, "status": 504, "path": "$batch", "method": "POST", "times": 1})
    sandboxes.sync("customers")
    done = sandboxes.sync("customers")
    assert done.failed == 0
    assert len(sandboxes.bc()["records"]["customers"]) == 1


def test_an_edit_in_business_central_survives_an_update_of_another_field(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    edit(sandboxes, "gtin", "0999")
    sandboxes.fill(articles=[{"price": "20", "modified_at": "2026-03-03T10:00:00.000Z"}])
    sandboxes.sync("products")
    item = sandboxes.bc()["records"]["items"][0]
    assert (item["gtin"], item["unitPrice"]) == ("0999", 20)


def test_in_one_direction_the_sources_value_wins_over_an_edit_and_the_outcome_says_so(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    edit(sandboxes, "unitPrice", 99)
    sandboxes.fill(articles=[{"price": "20", "modified_at": "2026-03-03T10:00:00.000Z"}])
    assert sandboxes.sync("products").updated == 1
    message = sandboxes.ledger("products")["SKU-1"]["message"]
    assert message == "changed on both sides, the source's value is sent: unitPrice"
    assert sandboxes.bc()["records"]["items"][0]["unitPrice"] == 20


def test_the_plan_is_exactly_what_is_written(sandboxes: Sandboxes) -> None:
    from winbc_pipeline.sync.map import map_windows
    from winbc_pipeline.sync.reading.stage import stage
    from winbc_pipeline.sync.run import plan_windows, push_windows

    sandboxes.fill()
    flow = flow_named("products")
    stage(ConnectedFlow(flow, sandboxes.settings), FIRST)
    map_windows(Work(ConnectedFlow(flow, sandboxes.settings), FIRST, LAST, "run-1"))
    plan_windows(Work(ConnectedFlow(flow, sandboxes.settings), FIRST, LAST, "plan"))
    assert sandboxes.bc()["writes"] == []
    bodies = {row["key"]: row["body"] for row in planned(ConnectedFlow(flow, sandboxes.settings), FIRST, LAST)}
    push_windows(Work(ConnectedFlow(flow, sandboxes.settings), FIRST, LAST, "push"))
    import json

    written = {write["key"]: write["body"] for write in sandboxes.bc()["writes"]}
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
    sandboxes: Sandboxes, fault: dict[str, object], error: type[Exception]
) -> None:
    sandboxes.fill()
    sandboxes.fault("winstore", fault)
    with pytest.raises(error):
        sandboxes.sync("customers")
    sandboxes.fault("winstore")
    assert sandboxes.sync("customers").created == 1


@pytest.mark.parametrize("fault", [{"kind": "html"}, {"kind": "truncate"}])
def test_a_page_that_is_no_answer_is_not_taken_for_nothing_found(
    sandboxes: Sandboxes, fault: dict[str, object]
) -> None:
    sandboxes.seed_bc(customers=[{"displayName": "x", "type": "Person", "email": "anna@mail.example", "number": "C1"}])
    sandboxes.fill()
    sandboxes.fault("bc", fault | {"path": "customers", "method": "GET"})
    with pytest.raises(UnreadableAnswer):
        sandboxes.sync("customers")
    assert sandboxes.bc()["writes"] == []


def test_an_unreachable_host_is_named(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    from winbc_pipeline.systems.transport import Limits, Transport

    transport = Transport("Winstore", "http://127.0.0.1:9", lambda _: "", Limits(tries=2), sleep=lambda _: None)
    with pytest.raises(SystemUnavailable, match="127.0.0.1:9 cannot be reached"):
        transport.call("GET", "x")
    transport.close()


def change_customer(sandboxes: Sandboxes, **fields: str) -> None:
    sent = "".join(f"<{name}>{value}</{name}>" for name, value in {"customerid": "000123", **fields}.items())
    url = f"{sandboxes.addresses.winstore_base}/PostCustomer"
    login = ("winstore", "sandbox-secret")
    HTTP.post(url, content=f"<customer>{sent}</customer>", auth=login).raise_for_status()


def test_an_adopted_customer_stays_linked_when_its_email_changes(sandboxes: Sandboxes) -> None:
    sandboxes.seed_bc(
        customers=[{"number": "X1", "displayName": "Anna", "email": "anna@mail.example", "type": "Person"}]
    )
    sandboxes.fill()
    sandboxes.sync("customers")
    change_customer(sandboxes, email="new@mail.example")
    sandboxes.sync("customers")
    assert [(row["number"], row["email"]) for row in sandboxes.bc()["records"]["customers"]] == [
        ("X1", "new@mail.example")
    ]


def test_a_record_that_was_renumbered_in_business_central_is_still_the_same(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("products")
    item = sandboxes.bc()["records"]["items"][0]
    target = BusinessCentral(sandboxes.settings)
    target.batch([Operation("1", "PATCH", f"items({item['id']})", {"number": "RENAMED"}, "*")])
    target.close()
    sandboxes.fill(articles=[{"price": "20", "modified_at": "2026-03-04T10:00:00.000Z"}])
    assert sandboxes.sync("products").updated == 1
    assert [(row["number"], row["unitPrice"]) for row in sandboxes.bc()["records"]["items"]] == [("RENAMED", 20)]


def test_the_watermark_stops_before_a_change_that_was_not_sent(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.sync("customers")
    followed = ledger.watermark(
        ConnectedFlow(flow_named("customers"), sandboxes.settings).store, "customers_winstore_to_bc"
    )
    change_customer(sandboxes, city="Gent")
    sync(Work(ConnectedFlow(flow_named("customers"), sandboxes.settings), FIRST, FIRST, "an old window only"))
    assert (
        ledger.watermark(ConnectedFlow(flow_named("customers"), sandboxes.settings).store, "customers_winstore_to_bc")
        == followed
    )


def test_a_change_from_the_future_is_sent_now_and_holds_nothing_back(sandboxes: Sandboxes) -> None:
    sandboxes.fill(
        customers=[{"modified_at": "2099-01-01T00:00:00.000Z"}, {"customer_id": "2", "email": "b@mail.example"}]
    )
    assert sandboxes.sync("customers").created == 2
    followed = ledger.watermark(
        ConnectedFlow(flow_named("customers"), sandboxes.settings).store, "customers_winstore_to_bc"
    )
    assert followed
    assert followed.year == 2026


def test_a_lost_answer_about_an_article_that_then_gets_variants_is_settled(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    sandboxes.fault("bc", {"kind": "drop_after", "path": "$batch", "method": "POST", "nth": 2, "times": 3})
    sandboxes.sync("products")
    sandboxes.fill(articles=[{"color": "red", "modified_at": "2026-03-04T10:00:00.000Z"}])
    assert sandboxes.sync("products").failed == 0


def test_a_record_in_trouble_that_the_source_no_longer_has_is_settled(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{"company_name": "Jansen & Co", "phone": "1" * 31}])
    assert sandboxes.sync("customers").failed == 1
    sandboxes.fill(customers=[{"company_name": "", "phone": "1", "modified_at": "2026-03-04T10:00:00.000Z"}])
    assert sandboxes.sync("customers").failed == 0
    rows = ledger.read(ConnectedFlow(flow_named("customers"), sandboxes.settings).store, "part = 'contact'")
    assert [(row["state"], row["reason"]) for row in rows] == [("SKIPPED", "GONE")]


def test_a_ledger_is_not_believed_in_another_company(sandboxes: Sandboxes) -> None:
    customers = [{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(6)]
    sandboxes.fill(customers=customers)
    sandboxes.sync("customers")
    for row in sandboxes.bc()["records"]["customers"]:
        target = BusinessCentral(sandboxes.settings)
        target.batch([Operation("1", "DELETE", f"customers({row['id']})", etag="*")])
        target.close()
    with pytest.raises(ConfigurationError, match="None of the 6 records"):
        sandboxes.sync("customers")


def test_an_article_without_a_sku_is_told(sandboxes: Sandboxes) -> None:
    sandboxes.fill(articles=[{}, {"article_key": "777", "sku": ""}])
    sandboxes.sync("products")
    assert sandboxes.ledger("products")["777"]["reason"] == "NO_SKU"


def test_an_update_does_not_give_two_customers_one_email(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{}, {"customer_id": "2", "email": "b@mail.example"}])
    sandboxes.sync("customers")
    change_customer(sandboxes, email="B@mail.example")
    assert sandboxes.sync("customers").failed == 1
    assert sandboxes.ledger("customers")["000123"]["reason"] == "TARGET_TAKEN"
    assert {row["email"] for row in sandboxes.bc()["records"]["customers"]} == {"anna@mail.example", "b@mail.example"}


def test_an_article_with_an_unknown_vat_rate_is_no_article_of_another_rate(sandboxes: Sandboxes) -> None:
    sandboxes.fill(articles=[{"vat_rate": "6"}])
    assert sandboxes.sync("products").failed == 1
    entry = sandboxes.ledger("products")["SKU-1"]
    assert entry["message"].startswith("taxGroupCode: not in lookup table tax_groups, given `6`")
    assert "items" not in sandboxes.bc()["records"]
