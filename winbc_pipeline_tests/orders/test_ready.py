"""What `winbc check` finds missing in Business Central before the first order: codes, accounts, items, debtors."""

import re
from typing import Any

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sync.ready import Ready, check_ready
from winbc_pipeline.systems.business_central import BusinessCentral

from .shop import Shop

DEFAULT = {"number": "SHOP", "displayName": "Counter sales", "type": "Company"}
BLOCKED = {"number": "8400", "displayName": "Old freight", "blocked": True, "directPosting": True}
TOTAL = {"number": "8499", "displayName": "Total freight", "accountType": "Total", "directPosting": True}
INDIRECT = {"number": "8500", "displayName": "Receivables", "directPosting": False}


def ready(shop: Shop) -> Ready:
    target = BusinessCentral(shop.settings)
    try:
        return check_ready(ORDERS_TO_BC, shop.settings, target)
    finally:
        target.close()


def lookup(shop: Shop, name: str, *rows: str) -> None:
    """Another look-up table; the tables are the shop's own from now on."""
    shop.edit_table("shipping", "description")
    path = shop.settings.mapping_folder / "lookups" / f"{name}.csv"
    path.write_text("\n".join(["source_value,target_value,note", *rows]), encoding="utf-8")


def test_the_shipped_tables_find_everything_in_the_sandbox(shop: Shop) -> None:
    assert ready(shop) == Ready("codes of the lookup tables, accounts, debtors of the settings")
    assert shop.writes() == 0


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
    shop: Shop, name: str, rows: list[str], words: str
) -> None:
    lookup(shop, name, *rows)
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        ready(shop)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (BLOCKED, "account 8400 is blocked"),
        (TOTAL, "account 8499 is no account that is posted to"),
        (INDIRECT, "account 8500 takes no direct posting"),
    ],
)
def test_an_account_that_takes_no_line_is_told(shop: Shop, account: dict[str, Any], words: str) -> None:
    shop.seed(accounts=[account])
    lookup(shop, "shipping_accounts", f"*,{account['number']},")
    with pytest.raises(ConfigurationError, match=words):
        ready(shop)
    shop.choose(rounding_account=account["number"])
    with pytest.raises(ConfigurationError, match=f"rounding {words}"):
        ready(shop)


def test_the_kind_of_a_shipping_line_says_where_its_number_must_be(shop: Shop) -> None:
    lookup(shop, "shipping_types", "courier,Item,", "*,Account,")
    lookup(shop, "shipping_accounts", "courier,FREIGHT,", "*,8300,")
    with pytest.raises(ConfigurationError, match="there is no item FREIGHT"):
        ready(shop)
    shop.add_item("FREIGHT")
    assert ready(shop).warnings == ()


def test_a_charge_is_said_to_be_unchecked(shop: Shop) -> None:
    lookup(shop, "shipping_types", "*,Charge,")
    (warning,) = ready(shop).warnings
    assert "8300 cannot be checked: API v2.0 does not list what is a Charge" in warning


def test_a_constant_is_checked_as_a_lookup_is(shop: Shop) -> None:
    shop.edit_table("order", "paymentTermsId", source="'90 DAYS'")
    shop.edit_table("shipping", "lineObjectNumber", source="'8399'")
    with pytest.raises(ConfigurationError) as told:
        ready(shop)
    assert "paymentTerms has no 90 DAYS (column source)" in str(told.value)
    assert "(column source): there is no account 8399" in str(told.value)


def test_the_rounding_tax_code_is_looked_up(shop: Shop) -> None:
    shop.choose(rounding_account="8300", rounding_tax_code="VAT6")
    with pytest.raises(ConfigurationError, match="the rounding tax code VAT6 is not there"):
        ready(shop)


@pytest.mark.parametrize(("blocked", "words"), [(None, "is not there"), ("Invoice", "is blocked")])
def test_a_default_customer_that_takes_no_documents_is_told(shop: Shop, blocked: str | None, words: str) -> None:
    if blocked:
        shop.seed(customers=[DEFAULT | {"blocked": blocked}])
    shop.choose(default_customers_by_country={"BE": "SHOP"})
    with pytest.raises(ConfigurationError, match=f"the default customer SHOP {words}"):
        ready(shop)


def test_what_documents_get_from_a_default_customer_alone_is_told_where_it_lacks(shop: Shop) -> None:
    shop.seed(customers=[DEFAULT])
    shop.choose(default_customer="SHOP")
    words = "the default customer SHOP has no payment method; it comes from the customer, so documents have none"
    assert ready(shop).warnings == (words,)
    shop.edit_table("order", "paymentTermsId", when="never")
    assert "has no payment method and no payment terms; they come from the customer" in ready(shop).warnings[0]


def test_documents_in_a_default_customers_own_currency_are_told(shop: Shop) -> None:
    methods = {each["code"]: each["id"] for each in shop.records("paymentMethods")}
    shop.seed(customers=[DEFAULT | {"currencyCode": "USD", "paymentMethodId": methods["BANK"]}])
    shop.choose(default_customer="SHOP")
    assert ready(shop).warnings == ()
    shop.edit_table("order", "currencyCode", when="never")
    assert ready(shop).warnings == ("documents for the default customer SHOP are in its currency, USD",)
