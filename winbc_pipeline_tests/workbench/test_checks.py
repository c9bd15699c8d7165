"""`winbc check` tries every entity that a flow reads, and names the one that cannot be read."""

from typing import Any

import pytest
from pydantic import SecretStr

from winbc_pipeline.errors import ConfigurationError, WinbcError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.settings.systems import ApplicationSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.checks import checks
from winbc_pipeline.workbench.missing_rows import left_out
from winbc_pipeline.workbench.readiness import CheckResult

from ..support.sandboxes import Sandboxes

READ = ("Winstore articles", "Winstore customers", "Winstore orders", "Business Central salesOrders")


def failed(sandboxes: Sandboxes) -> dict[str, str]:
    """By name, the checks of reading that fail, and why."""
    found = {}
    for check in checks(sandboxes.settings):
        if check.name in READ:
            try:
                check.run()
            except WinbcError as error:
                found[check.name] = str(error)
    return found


@pytest.mark.parametrize(
    ("system", "path", "name", "words"),
    [
        ("winstore", "GetOrderChangesByDate", "Winstore orders", "GET GetOrderChangesByDate"),
        ("winstore", "GetCustomerChangesByDate", "Winstore customers", "GET GetCustomerChangesByDate"),
        ("bc", "salesOrders", "Business Central salesOrders", "GET salesOrders"),
    ],
)
def test_what_may_not_be_read_is_named(sandboxes: Sandboxes, system: str, path: str, name: str, words: str) -> None:
    sandboxes.fill()
    fault: dict[str, Any] = {"kind": "status", "status": 403, "path": path, "times": 9}
    sandboxes.fault(system, fault)
    found = failed(sandboxes)
    assert list(found) == [name]
    assert words in found[name]


def test_all_can_be_read(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    assert failed(sandboxes) == {}


def test_each_application_is_tried_where_several_call(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    own = sandboxes.settings.bc
    further = {
        name: ApplicationSettings(client_id=f"{own.client_id}-{name}", client_secret=secret)
        for name, secret in (("b", own.client_secret), ("c", SecretStr("wrong")))
    }
    bc = own.model_copy(update={"further": further})
    sandboxes.settings = sandboxes.settings.model_copy(update={"bc": bc})
    found = failed(sandboxes)
    assert list(found) == ["Business Central salesOrders"]
    assert "The application of `bc.further.c`" in found["Business Central salesOrders"]


def found_by(sandboxes: Sandboxes, name: str) -> CheckResult:
    """What the check of this name finds."""
    (check,) = [each for each in checks(sandboxes.settings) if each.name == name]
    return check.run()


def test_the_checks_look_at_the_databases_that_are_there(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    assert "0 databases can be read" in found_by(sandboxes, "This machine").looked_at
    for name in ("Gone records of products_winstore_to_bc", "SKUs of stock_winstore_to_bc"):
        assert found_by(sandboxes, name).looked_at == "nothing was read yet"
    sandboxes.sync("products")
    sandboxes.sync("stock")
    assert "2 databases can be read" in found_by(sandboxes, "This machine").looked_at
    assert found_by(sandboxes, "Gone records of products_winstore_to_bc").looked_at == "0 to report"
    assert "SKUs are not sent" in found_by(sandboxes, "SKUs of stock_winstore_to_bc").looked_at


def test_customers_whose_vat_number_is_left_out_are_counted(sandboxes: Sandboxes) -> None:
    numbers = ("NL004495445B01", "NL 4495445 B01 (KvK 12345678)", "none", "", "BE0428759497")
    people = [
        {"customer_id": str(place), "email": f"c{place}@mail.example", "vat_number": number}
        for place, number in enumerate(numbers, 1)
    ]
    sandboxes.fill(customers=people)
    assert sandboxes.sync("customers").created == len(numbers)
    there = {each["number"]: each["taxRegistrationNumber"] for each in sandboxes.bc()["records"]["customers"]}
    assert there == {"WS1": numbers[0], "WS2": "", "WS3": "", "WS4": "", "WS5": numbers[4]}
    words = "customer: 2 staged records have a VAT number that is not valid; it is left out"
    (warning,) = found_by(sandboxes, "Mapping tables customers_winstore_to_bc").warnings
    assert warning.startswith(words)


def test_nothing_is_said_of_vat_numbers_that_are_valid_or_not_given(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{"vat_number": "NL004495445B01"}, {"customer_id": "2", "email": "b@mail.example"}])
    sandboxes.sync("customers")
    assert left_out(ConnectedFlow(flow_named("customers"), sandboxes.settings)) == []


def test_customers_whose_delivery_address_is_not_carried_are_counted(sandboxes: Sandboxes) -> None:
    """API v2.0 has no ship-to addresses of customers (reference: entity sets)."""
    home = {"street": "Kerkweg", "house_number": "7", "zip": "3511 AB", "city": "Utrecht", "country_iso": "NL"}
    there = {"type": "delivery", "name": "", "default": ""} | home
    write_folder(
        sandboxes.folder / "retail",
        {
            "addresses": [
                there | {"customer_id": "1", "city": "UTRECHT "},  # says the same
                there | {"customer_id": "2", "city": "Gent"},
                there | {"customer_id": "3"},
                there | {"customer_id": "3", "type": "invoice", "city": "Gent"},
            ]
        },
    )
    people = [{"customer_id": key, "email": f"c{key}@mail.example"} | home for key in ("1", "2", "3", "4")]
    sandboxes.fill(customers=people)
    sandboxes.sync("customers")
    (warning,) = found_by(sandboxes, "Mapping tables customers_winstore_to_bc").warnings
    assert warning.startswith("customer: 2 staged records have a delivery address other than the address that is sent")


def test_a_salesperson_by_country_whom_business_central_lacks_is_named(sandboxes: Sandboxes) -> None:
    table = sandboxes.own_tables() / "lookups" / "customer_salespeople.csv"
    table.write_text("source_value,target_value,note\nNL,NOBODY,\n*,,\n", encoding="utf-8")
    words = r"salespeoplePurchasers has no NOBODY \(lookups/customer_salespeople.csv\)"
    with pytest.raises(ConfigurationError, match=words):
        found_by(sandboxes, "What customers_winstore_to_bc needs")
