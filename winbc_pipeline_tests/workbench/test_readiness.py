"""What `winbc check` finds missing in Business Central before the first order: codes, accounts, items, debtors."""

import re
from typing import Any

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.workbench.missing_rows import missing_rows
from winbc_pipeline.workbench.readiness import CheckResult, check_ready

from ..support.order_flow import OrderFlow

DEFAULT = {"number": "SHOP", "displayName": "Counter sales", "type": "Company"}
BLOCKED = {"number": "8400", "displayName": "Old freight", "blocked": True, "directPosting": True}
TOTAL = {"number": "8499", "displayName": "Total freight", "accountType": "Total", "directPosting": True}
INDIRECT = {"number": "8500", "displayName": "Receivables", "directPosting": False}


def ready(order_flow: OrderFlow) -> CheckResult:
    target = BusinessCentral(order_flow.settings)
    try:
        return check_ready(ConnectedFlow(ORDERS_TO_BC, order_flow.settings), target)
    finally:
        target.close()


def lookup(order_flow: OrderFlow, name: str, *rows: str) -> None:
    """Another look-up table; the tables are the shop's own from now on."""
    order_flow.edit_table("shipping", "description")
    path = order_flow.settings.mapping_folder / "lookups" / f"{name}.csv"
    path.write_text("\n".join(["source_value,target_value,note", *rows]), encoding="utf-8")


def test_a_rate_whose_code_has_another_rate_in_business_central_is_named(order_flow: OrderFlow) -> None:
    order_flow.send(shippingcost="0")
    order_flow.edit_lookup("tax_groups", "19,VAT21,", "6,VAT9,")
    (warning,) = ready(order_flow).warnings
    assert warning == "lookups/tax_groups.csv gives VAT21 for 19 %; on documents in Business Central it has 21 %"


def test_values_of_staged_records_without_a_row_are_named_with_their_table(order_flow: OrderFlow) -> None:
    for number, rate in enumerate(("19", "19", "21", "6")):
        order_flow.order(f"W{number}", lines=[{"vatrate": rate}, {"linenr": "2", "type": "GIFT"}])
    order_flow.sync()
    rates, kinds = sorted(missing_rows(ConnectedFlow(ORDERS_TO_BC, order_flow.settings)), reverse=True)
    assert rates.startswith("lookups/tax_groups.csv has no row for `19` (2 records), `6` (1 records)")
    assert kinds.startswith("lookups/position_accounts.csv has no row for `GIFT` (4 records)")


def test_the_shipped_tables_find_everything_in_the_sandbox(order_flow: OrderFlow) -> None:
    assert ready(order_flow) == CheckResult("codes of the lookup tables, accounts, debtors of the settings")
    assert order_flow.writes() == 0


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        (
            "tax_groups",
            ["21,VAT21,", "6,VAT6,"],
            "order_line.csv row 8: taxGroups has no VAT6",
        ),
        ("currencies", ["EUR,EUR,", "CHF,CHF,"], "order.csv row 13: currencies has no CHF (lookups/currencies.csv)"),
        ("agents", ["shop,JO,"], "order.csv row 16: salespeoplePurchasers has no JO (lookups/agents.csv)"),
        ("shipping_accounts", ["*,8399,"], "there is no account 8399"),
        ("position_accounts", ["*,8399,"], "(lookups/position_accounts.csv): there is no account or item 8399"),
    ],
)
def test_what_a_lookup_table_gives_and_business_central_lacks_is_named_with_its_table(
    order_flow: OrderFlow, name: str, rows: list[str], words: str
) -> None:
    lookup(order_flow, name, *rows)
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        ready(order_flow)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (BLOCKED, "account 8400 is blocked"),
        (TOTAL, "account 8499 is no account that is posted to"),
        (INDIRECT, "account 8500 takes no direct posting"),
    ],
)
def test_an_account_that_takes_no_line_is_told(order_flow: OrderFlow, account: dict[str, Any], words: str) -> None:
    order_flow.seed(accounts=[account])
    lookup(order_flow, "shipping_accounts", f"*,{account['number']},")
    with pytest.raises(ConfigurationError, match=words):
        ready(order_flow)
    order_flow.choose(rounding_account=account["number"])
    with pytest.raises(ConfigurationError, match=f"rounding {words}"):
        ready(order_flow)


def test_the_kind_of_a_shipping_line_says_where_its_number_must_be(order_flow: OrderFlow) -> None:
    lookup(order_flow, "shipping_types", "courier,Item,", "*,Account,")
    lookup(order_flow, "shipping_accounts", "courier,FREIGHT,", "*,8300,")
    with pytest.raises(ConfigurationError, match="there is no item FREIGHT"):
        ready(order_flow)
    order_flow.add_item("FREIGHT")
    assert ready(order_flow).warnings == ()


def test_a_charge_is_said_to_be_unchecked(order_flow: OrderFlow) -> None:
    lookup(order_flow, "shipping_types", "*,Charge,")
    (warning,) = ready(order_flow).warnings
    assert "8300 cannot be checked: API v2.0 does not list what is a Charge" in warning


def test_a_constant_is_checked_as_a_lookup_is(order_flow: OrderFlow) -> None:
    order_flow.edit_table("order", "paymentTermsId", source="'90 DAYS'")
    order_flow.edit_table("shipping", "lineObjectNumber", source="'8399'")
    with pytest.raises(ConfigurationError) as told:
        ready(order_flow)
    assert "paymentTerms has no 90 DAYS (column source)" in str(told.value)
    assert "(column source): there is no account 8399" in str(told.value)


def test_the_rounding_tax_code_is_looked_up(order_flow: OrderFlow) -> None:
    order_flow.choose(rounding_account="8300", rounding_tax_code="VAT6")
    with pytest.raises(ConfigurationError, match="the rounding tax code VAT6 is not there"):
        ready(order_flow)


@pytest.mark.parametrize(("blocked", "words"), [(None, "is not there"), ("Invoice", "is blocked")])
def test_a_default_customer_that_takes_no_documents_is_told(
    order_flow: OrderFlow, blocked: str | None, words: str
) -> None:
    if blocked:
        order_flow.seed(customers=[DEFAULT | {"blocked": blocked}])
    order_flow.choose(default_customers_by_country={"BE": "SHOP"})
    with pytest.raises(ConfigurationError, match=f"the default customer SHOP {words}"):
        ready(order_flow)


def test_what_documents_get_from_a_default_customer_alone_is_told_where_it_lacks(order_flow: OrderFlow) -> None:
    order_flow.seed(customers=[DEFAULT])
    order_flow.choose(default_customer="SHOP")
    words = "the default customer SHOP has no payment method; it comes from the customer, so documents have none"
    assert ready(order_flow).warnings == (words,)
    order_flow.edit_table("order", "paymentTermsId", when="never")
    assert "has no payment method and no payment terms; they come from the customer" in ready(order_flow).warnings[0]


def test_documents_in_a_default_customers_own_currency_are_told(order_flow: OrderFlow) -> None:
    methods = {each["code"]: each["id"] for each in order_flow.records("paymentMethods")}
    order_flow.seed(customers=[DEFAULT | {"currencyCode": "USD", "paymentMethodId": methods["BANK"]}])
    order_flow.choose(default_customer="SHOP")
    assert ready(order_flow).warnings == ()
    order_flow.edit_table("order", "currencyCode", when="never")
    assert ready(order_flow).warnings == ("documents for the default customer SHOP are in its currency, USD",)
