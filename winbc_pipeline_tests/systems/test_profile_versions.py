"""A profile of version 1 of the contract keeps working, and people are told what it cannot do."""

from pathlib import Path

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.systems.winstore import load_profile
from winbc_pipeline.systems.winstore.abilities import lacking
from winbc_pipeline.workbench.checks import checks

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
