"""Mapping inside a flow: one bad value fails one record, and tables are tried before anything is read."""

import csv
import shutil
from pathlib import Path

import pytest

from winbc_pipeline.errors import MappingError
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.mapping.execute import fill_joined_tables
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging.store import Store, in_memory, lock_down, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.sync.part import Part
from winbc_pipeline.sync.payloads import fields_of, filled
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.tables.table_tests import put_source_record

from ..support.sandboxes import FIRST, LAST, Sandboxes, put_row


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"email": "no-at-sign"}, "email: not an e-mail address, given a text of 10 characters (customer.csv row 10)"),
        ({"email": ""}, "email: required, given nothing"),
        ({"city": "x" * 31}, "city: longer than 30 characters, given a text of 31 characters"),
        ({"city": "😀" * 16}, "city: longer than 30 characters, given a text of 32 characters"),
        ({"country_iso": "XX"}, "country: not in lookup table countries, given `XX` (customer.csv row"),
        ({"country_iso": "XX"}, "add a row for it to lookups/countries.csv"),
    ],
)
def test_one_bad_value_fails_one_record_and_names_field_and_rule(
    sandboxes: Sandboxes, row: dict[str, str], words: str
) -> None:
    sandboxes.fill(customers=[row, {"customer_id": "2", "email": "two@mail.example"}])
    done = sandboxes.sync("customers")
    assert (done.created, done.failed) == (1, 1)
    entry = sandboxes.ledger("customers")["000123"]
    assert entry["reason"] == "MAPPING"
    assert words in entry["message"]


@pytest.mark.parametrize("company", [" ", "\t", "\u00a0"])
def test_a_company_of_blanks_is_no_company(sandboxes: Sandboxes, company: str) -> None:
    sandboxes.fill(customers=[{"company_name": company}])
    assert sandboxes.sync("customers").created == 1
    state = sandboxes.bc()["records"]
    assert [(each["type"], each["displayName"]) for each in state["customers"]] == [("Person", "Anna O'Neil")]
    assert "contacts" not in state


def test_a_code_that_the_target_takes_by_id_is_looked_up(sandboxes: Sandboxes) -> None:
    table = sandboxes.own_tables() / "customers_winstore_to_bc" / "customer.csv"
    put_row(table, "paymentTermsId,lower('30 Days'),,always,,")
    sandboxes.fill(customers=[{}])
    assert sandboxes.sync("customers").created == 1
    (customer,) = sandboxes.bc()["records"]["customers"]
    terms = {record["id"]: record["code"] for record in sandboxes.bc()["records"]["paymentTerms"]}
    assert terms[customer["paymentTermsId"]] == "30 DAYS"
    assert sandboxes.sync("customers").updated == 0


def test_a_code_that_the_target_does_not_have_fails_the_record(sandboxes: Sandboxes) -> None:
    table = sandboxes.own_tables() / "customers_winstore_to_bc" / "customer.csv"
    put_row(table, "paymentTermsId,'90 DAYS',,always,,")
    sandboxes.fill(customers=[{}])
    assert sandboxes.sync("customers").failed >= 1
    entry = sandboxes.ledger("customers")["000123"]
    assert (entry["reason"], entry["message"]) == (
        "RELATION_MISSING",
        "paymentTermsId: paymentTerms has no code `90 DAYS`",
    )


def test_an_edit_while_a_run_is_at_work_counts_for_all_of_its_records(sandboxes: Sandboxes) -> None:
    table = sandboxes.own_tables() / "customers_winstore_to_bc" / "customer.csv"
    sandboxes.fill(customers=[{}])

    def add_field(layer: str) -> None:
        if layer == "planned":
            with table.open("a", encoding="utf-8") as file:
                file.write("website,'shop.example',,always,,\n")

    done = sync(Work(ConnectedFlow(flow_named("customers"), sandboxes.settings), FIRST, LAST, "run"), add_field)
    assert (done.created, done.failed) == (1, 0)
    assert sandboxes.bc()["records"]["customers"][0]["website"] == "shop.example"


def test_functions_in_python_run_in_a_flow(sandboxes: Sandboxes) -> None:
    table = sandboxes.own_tables() / "customers_winstore_to_bc" / "customer.csv"
    put_row(table, "website,country_iso(city),,always,,")
    sandboxes.fill(customers=[{"city": "Nederland"}, {"customer_id": "2", "email": "b@mail.example", "city": "x"}])
    done = sandboxes.sync("customers")
    assert (done.created, done.failed) == (1, 1)
    assert sandboxes.bc()["records"]["customers"][0]["website"] == "NL"


def test_a_table_of_another_shape_from_an_earlier_version_is_made_anew(sandboxes: Sandboxes) -> None:
    sandboxes.fill(customers=[{}])
    with Store(sandboxes.settings.flow_database("customers_winstore_to_bc")).open() as connection:
        connection.execute("CREATE TABLE mapped_customers_winstore_to_bc (part VARCHAR, creates VARCHAR)")
    assert sandboxes.sync("customers").created == 1


KEYS = [(flow, part, part.match[0][0]) for flow in FLOWS if not flow.acts_on for part in flow.parts if part.match]


@pytest.mark.parametrize(
    ("flow", "part", "key"), KEYS, ids=lambda each: getattr(each, "id", getattr(each, "name", each))
)
@pytest.mark.parametrize("how", ["deleted", "never"])
def test_a_table_without_its_key_row_is_refused(tmp_path: Path, flow: Flow, part: Part, key: str, how: str) -> None:
    shutil.copytree("mapping_tables", tmp_path / "tables")
    table = tmp_path / "tables" / flow.id / part.table
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    kept = [row | {"when": "never" if row["target_field"] == key else row["when"]} for row in rows]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in kept if how == "never" or row["target_field"] != key)
    with pytest.raises(MappingError, match=f"{part.table}: no row gives {key}"):
        ConnectedFlow(flow, Settings(mapping_folder=tmp_path / "tables")).checked()


PEOPLE = [
    {"company": "Vinet & Co", "fname": "Paul", "lname": "Henriot", "phone": "030-1234567", "countryISO": "nl"},
    {"fname": " Eva ", "lname": "Groen", "phone": "02 555 01 23", "countryISO": "België", "streetnr": "9 a"},
    {"fname": "Bram", "lname": "Bakker", "phone": "extension 12", "countryISO": "NLD"},
    {"company": "Acme", "phone": "+1 212 555 0123", "countryISO": "US"},
    {"fname": "Ada", "lname": "Lovelace", "phone": "030-1234567"},
]
ANYBODY = {"customerid": "605254", "email": " Paul@Vinet.example ", "street": "Kerkweg", "zip": "1000", "city": "Ede"}


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.get("lname", "company"))
def test_a_person_gets_the_same_values_from_the_flow_of_customers_and_from_his_order(
    sandboxes: Sandboxes, person: dict[str, str]
) -> None:
    """An order may make the customer before the flow of customers does: which came first must not matter."""
    folder = sandboxes.own_tables()
    codes = {"payment_terms": "COD", "payment_methods": "CASH", "shipment_methods": "PICKUP", "currencies": "USD"}
    for name, code in (codes | {"salespeople": "JO"}).items():
        put_row(folder / "lookups" / f"customer_{name}.csv", f"NL,{code},")
    whole = ANYBODY | person
    of_order = {f"invoice_add_{name}": value for name, value in whole.items() if name not in ("customerid", "email")}
    of_order |= {"customerid": whole["customerid"], "email": whole["email"], "paymentmethod": "invoice"}
    made = values_of(sandboxes, "customers", whole)
    by_order = values_of(sandboxes, "orders", of_order)
    # Only an order knows how it is paid: that decides where no row of the country does.
    paid_by = {"paymentTermsId", "paymentMethodId"} - set(made)
    assert len(made) >= 7
    assert {name: by_order[name] for name in by_order.keys() - paid_by} == made


def values_of(sandboxes: Sandboxes, flow: str, given: dict[str, str]) -> dict[str, str]:
    """The fields of a new customer that a flow's table makes of one record of the source."""
    connected = ConnectedFlow(flow_named(flow), sandboxes.settings)
    compiled = connected.compiled()["customer"]
    with in_memory() as connection:
        lock_down(connection)
        put_source_record(connection, connected.source_fields, given)
        fill_joined_tables(connection, compiled.steps, compiled.lookups)
        (row,) = rows_of(connection, compiled.select)
    assert row["errors"] == []
    return filled(fields_of(row["creates"]))
