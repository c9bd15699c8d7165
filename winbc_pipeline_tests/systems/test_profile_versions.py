"""A profile of version 1 of the contract keeps working, and people are told what it cannot do."""

import shutil
from pathlib import Path

import pytest

from winbc_pipeline.errors import ConfigurationError, MappingError
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.systems.winstore import load_profile
from winbc_pipeline.systems.winstore.abilities import lacking
from winbc_pipeline.workbench.checks import checks
from winbc_pipeline.workbench.tables.table_tests import run_tests

from ..support.flow_cases import FLOW_CASES
from ..support.sandboxes import Sandboxes
from ..support.winstore_profiles import VERSION_1

FLOWS_OF_VERSION_1 = (
    "customers_winstore_to_bc",
    "products_winstore_to_bc",
    "orders_winstore_to_bc",
    "order_status_winstore_to_bc",
    "orders_bc_to_winstore",
    "order_status_bc_to_winstore",
)
"""Later flows may need what version 1 lacks."""


@pytest.fixture
def version_1(sandboxes: Sandboxes) -> Sandboxes:
    winstore = sandboxes.settings.winstore.model_copy(update={"profile": VERSION_1})
    sandboxes.settings = sandboxes.settings.model_copy(update={"winstore": winstore})
    return sandboxes


@pytest.mark.parametrize("flow", FLOWS_OF_VERSION_1)
def test_a_flow_works_with_a_profile_of_version_1(version_1: Sandboxes, flow: str) -> None:
    case = FLOW_CASES[flow]
    case.fill(version_1, False)
    first, again = version_1.sync(flow), version_1.sync(flow)
    assert (first.created + first.updated, first.failed) == (2, 0)
    assert (again.created + again.updated, again.failed) == (0, 0)


def test_an_optional_field_that_the_profile_does_not_read_is_empty_and_any_other_name_is_refused(
    version_1: Sandboxes, tmp_path: Path
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(version_1.settings.tables.own, folder)
    version_1.settings = version_1.settings.model_copy(update={"mapping_folder": folder})
    connected, path = ConnectedFlow(CUSTOMERS, version_1.settings), folder / CUSTOMERS.id / "customer.csv"
    assert connected.checked()
    path.write_text(path.read_text("utf-8").replace("invoice_city", "invoice_town"), "utf-8")
    with pytest.raises(MappingError, match="no field `invoice_town`"):
        connected.compiled()


def test_every_field_of_customers_that_version_1_lacks_is_optional() -> None:
    added = load_profile(None).entity("customers").fields.keys() - load_profile(VERSION_1).entity("customers").fields
    assert added == set(load_profile(None).entity("customers").optional)


def test_a_test_of_a_field_that_the_profile_does_not_read_is_not_run(version_1: Sandboxes) -> None:
    found = {each.test: each for each in run_tests(ConnectedFlow(CUSTOMERS, version_1.settings))}
    assert "invoice_street" in found["invoice address"].left_out
    assert not found["company"].left_out
    assert [each for each in found.values() if each.differences] == []


def test_a_profile_of_an_unknown_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(VERSION_1.read_text("utf-8").replace("contract = 1", "contract = 3"), "utf-8")
    with pytest.raises(ConfigurationError, match="contract"):
        load_profile(path)


def test_the_shipped_profile_lacks_nothing() -> None:
    assert lacking(load_profile(None)) == ()


def test_the_check_says_what_a_profile_of_version_1_cannot_do(version_1: Sandboxes) -> None:
    profile = next(check for check in checks(version_1.settings) if check.name == "Winstore profile")
    found = profile.run()
    assert found.looked_at.startswith("contract 1;")
    assert [words.split(":")[0].removeprefix("the Winstore profile has ") for words in found.warnings] == [
        "no look-up of customers or articles",
        "no key in the answer to a write",
        "no addresses of customers beside their own",
        "no lines of articles",
        "no pictures of articles",
        "no stock flags",
        "no chunks",
    ]


def test_a_profile_of_version_1_looks_nothing_up() -> None:
    assert not load_profile(VERSION_1).can_find("customers", "email")
    assert load_profile(None).can_find("customers", "email")
