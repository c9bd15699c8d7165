"""Real trading data, compared field by field between the two sandboxes, knowing nothing of the program's insides."""

import json
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from winbc_pipeline.flows.products import PRODUCTS
from winbc_pipeline.settings import Loss, ProductSettings

from ...support.sandboxes import HTTP, REPOSITORY, Sandboxes

RETAIL = REPOSITORY.parent / "shared" / "data" / "retail"


def state(control: str) -> dict[str, list[dict[str, object]]]:
    records: dict[str, list[dict[str, object]]] = json.loads(HTTP.get(f"{control}/__state").text, parse_float=Decimal)[
        "records"
    ]
    return records


@pytest.mark.proof
@pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout")
def test_the_whole_folder_arrives_without_an_unexplained_difference(sandboxes: Sandboxes) -> None:
    sandboxes.seed(Path(RETAIL))
    sandboxes.sync("customers")
    sandboxes.sync("products")
    shop, bc_users = state(sandboxes.addresses.winstore_control), state(sandboxes.addresses.bc_control)
    differences = [
        *(line for customer in shop["customers"] for line in customer_differences(customer, bc_users)),
        *(line for article in shop["articles"] for line in article_differences(article, bc_users)),
    ]
    assert differences == []
    assert len(bc_users["customers"]) == len(shop["customers"]) == 91
    assert len(bc_users["items"]) == sum(len(article["variants"]) for article in shop["articles"]) == 372  # type: ignore[arg-type]


def customer_differences(source: dict[str, object], bc_users: dict[str, list[dict[str, object]]]) -> list[str]:
    found = [record for record in bc_users["customers"] if record["email"] == source["email"]]
    if len(found) != 1:
        return [f"customer {source['customerid']}: {len(found)} in Business Central"]
    wanted = {
        "displayName": source["company"] or f"{source['fname']} {source['lname']}",
        "type": "Company" if source["company"] else "Person",
        "addressLine1": f"{source['street']} {source['streetnr']}".strip(),
        "postalCode": str(source["zip"]).upper(),
        "city": source["city"],
        "country": source["countryISO"],
        "phoneNumber": in_international_form(str(source["phone"]), str(found[0]["phoneNumber"])),
    }
    person = [c for c in bc_users["contacts"] if c["type"] == "Person" and c["email"] == source["email"]]
    wrong = [f"customer {source['customerid']}: {k}" for k, v in wanted.items() if found[0][k] != v]
    if source["company"] and [c["companyName"] for c in person] != [source["company"]]:
        wrong.append(f"customer {source['customerid']}: its person is not a contact of the company")
    return wrong


def in_international_form(typed: str, there: str) -> str:
    """The number that is there, when it is the typed one with a country's prefix; else the typed one."""
    national = "".join(filter(str.isdigit, typed)).lstrip("0")
    return there if there.startswith("+") and national and there.endswith(national) else typed


def article_differences(source: dict[str, object], bc_users: dict[str, list[dict[str, object]]]) -> list[str]:
    variants: list[dict[str, str]] = source["variants"]  # type: ignore[assignment]
    return [line for variant in variants for line in variant_differences(source, variant, bc_users)]


def variant_differences(
    source: dict[str, object], variant: dict[str, str], bc_users: dict[str, list[dict[str, object]]]
) -> list[str]:
    sku = variant["sku"]
    found = [item for item in bc_users["items"] if item["number"] == sku]
    if len(found) != 1:
        return [f"{sku}: {len(found)} in Business Central"]
    wanted = {
        "displayName": variant["title"],
        "gtin": variant["gtin"],
        "unitPrice": Decimal(variant["price"]),
        "unitCost": Decimal(variant["costprice"]),
        "taxGroupCode": f"VAT{variant['vatrate']}",
        "itemCategoryCode": str(source["category"]).upper(),
    }
    return [f"{sku}: {name}" for name, value in wanted.items() if found[0][name] != value]


@pytest.mark.proof
@pytest.mark.skipif(not RETAIL.exists(), reason="the retail data is not beside this checkout")
def test_the_sample_arrives_as_items_with_variants_and_only_the_listed_losses_differ(sandboxes: Sandboxes) -> None:
    sandboxes.seed(Path(RETAIL))
    chosen = ProductSettings(variants="item_variants", accept_losses=get_args(Loss))
    sandboxes.settings = sandboxes.settings.model_copy(update={"products": chosen})
    assert sandboxes.sync("products").failed == 0
    shop, there = state(sandboxes.addresses.winstore_control), state(sandboxes.addresses.bc_control)
    lost = PRODUCTS.notes(sandboxes.settings)
    several = [article for article in shop["articles"] if len(article["variants"]) > 1]  # type: ignore[arg-type]
    with_options = [
        article
        for article in shop["articles"]
        if article in several or any(row["color"] or row["size"] for row in article["variants"])  # type: ignore[union-attr]
    ]
    assert (len(several), len(with_options)) == (37, 69)
    assert [line for article in with_options for line in variants_of(article, there)] == []
    skus = sum(len(article["variants"]) for article in several)  # type: ignore[arg-type]
    assert f"not carried: {skus} SKUs have stock of their own" in lost
    plain = [article for article in shop["articles"] if article not in with_options]
    assert [line for article in plain for line in article_differences(article, there)] == []
    assert len(there["items"]) == len(shop["articles"])


def variants_of(article: dict[str, object], there: dict[str, list[dict[str, object]]]) -> list[str]:
    """What is wrong with the item of an article and its variants."""
    (item,) = [each for each in there["items"] if each["number"] == article["artkey"]]
    skus: list[dict[str, str]] = sorted(article["variants"], key=lambda row: row["sku"])  # type: ignore[call-overload]
    first = skus[0]
    wanted = {
        "displayName": article["name"],
        "gtin": first["gtin"] if len(skus) == 1 else "",
        "unitPrice": Decimal(first["price"]),
        "unitCost": Decimal(first["costprice"]),
        "taxGroupCode": f"VAT{first['vatrate']}",
        "itemCategoryCode": str(article["category"]).upper(),
    }
    wrong = [f"{article['artkey']}: {name}" for name, value in wanted.items() if item[name] != value]
    found = {each["code"]: each["description"] for each in there["itemVariants"] if each["itemId"] == item["id"]}
    described = {row["sku"][-10:].upper(): " ".join(filter(None, (row["color"], row["size"]))) for row in skus}
    return wrong + ([] if found == described else [f"{article['artkey']}: {found}, not {described}"])
