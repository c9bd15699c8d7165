"""The client negotiates what the companion app can do: absent, older, newer, not permitted, switched off, each right.

What the app answers is what the sandbox makes of facts/companion_app.json. How Business Central refuses a call without
a right: behaviour.md section 7.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.bc.extensions.description import App
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.setup_data import COMPANY_NAME
from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.systems.business_central.companion import (
    PERMISSION_SET,
    READ_SET,
    Capabilities,
    app_client,
    capabilities,
    contract,
    entity_sets,
)
from winbc_pipeline.workbench.checks import checks
from winbc_pipeline.workbench.readiness import CheckResult

STORED = "connector.winstore"


class Bc:
    """A sandbox with what the client finds out about its app."""

    def __init__(self, root: str) -> None:
        self.root = root
        section = BusinessCentralSettings(
            base_url=f"{root}/BC/api/v2.0", company=COMPANY_NAME, user="winbc", password=SecretStr("sandbox-secret")
        )
        self.settings = Settings(bc=section)
        self.app, self.http = app_client(self.settings), httpx.Client()

    def close(self) -> None:
        self.app.close()
        self.http.close()

    def found(self) -> Capabilities:
        return capabilities(self.app)

    def checked(self) -> CheckResult:
        (check,) = [each for each in checks(self.settings) if each.name == "Companion app"]
        return check.run()

    def control(self, path: str, body: dict[str, Any]) -> None:
        assert self.http.post(f"{self.root}/{path}", json=body).status_code == 200


@contextmanager
def served(*apps: App) -> Iterator[Bc]:
    with running(create_app(None, Options(extensions=apps)), 0) as root:
        bc = Bc(root)
        yield bc
        bc.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Bc]:
    with served(companion_app()) as bc:
        yield bc


@pytest.fixture
def bc(server: Bc) -> Iterator[Bc]:
    """All rights are there again when a test ends."""
    yield server
    server.control("__seed", {"rights": {f"{STORED}.{name}": [] for name in entity_sets()}})
    server.control("__seed", {"permissionSets": {"WINS Api": True, "WINS Read": True}})


def rights() -> list[tuple[str, str]]:
    """Each right that the contract gives, of every permission set, actions too; capabilities tell of the others."""
    given = {name: set().union(*one["permissions"].values()) for name, one in contract()["entities"].items()}
    return [(name, right) for name, some in given.items() for right in sorted(some) if name != "capabilities"]


def test_with_the_app_everything_of_the_contract_can_be_used(bc: Bc) -> None:
    found = bc.found()
    assert (found.state, found.version, found.gaps) == ("there", contract()["version"], ())
    assert found.readable == set(entity_sets())
    assert found.can("orderRequests", write=True)


@pytest.mark.parametrize(("entity_set", "right"), rights())
def test_each_right_that_is_taken_is_named(bc: Bc, entity_set: str, right: str) -> None:
    bc.control("__seed", {"rights": {f"{STORED}.{entity_set}": [right]}})
    found = bc.found()
    assert not found.can(entity_set, write=right != "read")
    verb = "read" if right == "read" else "write"
    assert [gap.split(f"no right to {verb} ")[1].split(",")[0].split(" (")[0] for gap in found.gaps] == [entity_set]


def test_the_rights_that_are_taken_are_all_that_the_verbs_and_actions_of_the_contract_need() -> None:
    needed = {
        (name, right)
        for name, one in contract()["entities"].items()
        for right in ("read", *one.get("verbs", ()), *(("execute",) if one.get("actions") else ()))
    }
    assert needed - {("capabilities", "read")} == set(rights())


def test_the_permission_sets_that_are_taken_are_all_of_the_contract() -> None:
    named = {name for one in contract()["entities"].values() for name in one["permissions"]}
    assert named == {PERMISSION_SET, READ_SET}


def test_without_the_writing_permission_set_each_written_set_is_named(bc: Bc) -> None:
    bc.control("__seed", {"permissionSets": {"WINS Api": False}})
    found = bc.found()
    written = [one.name for one in entity_sets().values() if one.is_written]
    assert len(found.gaps) == len(written)
    assert all("assign WINS Api" in gap for gap in found.gaps)
    assert found.can("itemSettings")


def test_without_any_permission_set_the_one_to_assign_is_named(bc: Bc) -> None:
    bc.control("__seed", {"permissionSets": {"WINS Api": False, "WINS Read": False}})
    found = bc.found()
    assert (found.state, found.can("itemSettings")) == ("not permitted", False)
    assert "assign the permission set WINS Read" in found.gaps[0]


def test_the_check_shows_the_version_and_what_it_gives(bc: Bc) -> None:
    looked_at = bc.checked().looked_at
    assert looked_at.startswith("version 1.1.0.0 gives ")
    assert entity_sets()["orderRequests"].gives in looked_at


def test_the_check_passes_and_warns_of_a_right_that_is_missing(bc: Bc) -> None:
    bc.control("__seed", {"rights": {f"{STORED}.syncStates": ["insert"]}})
    (warning,) = bc.checked().warnings
    assert warning.startswith("no right to write syncStates")


def test_without_the_app_it_is_absent_and_nothing_fails() -> None:
    with served() as bc:
        found = bc.found()
        assert (found.state, found.readable, found.can("orderRequests", write=True)) == ("absent", frozenset(), False)
        assert "not installed" in bc.checked().looked_at


def test_an_older_app_lacks_what_came_later_by_name() -> None:
    app = companion_app()
    older = app.model_copy(update={"entities": {n: e for n, e in app.entities.items() if n != "syncStates"}})
    with served(older.model_copy(update={"version": "0.9.0.0"})) as bc:
        found = bc.found()
    assert (found.version, found.can("syncStates"), found.can("itemSettings")) == ("0.9.0.0", False, True)
    assert found.gaps[0].startswith("version 0.9.0.0 of the companion app has no syncStates (since 1.0.0.0)")


def test_a_newer_app_is_used_as_far_as_it_is_known() -> None:
    app = companion_app()
    more = app.entities | {"loyaltyCards": app.entities["itemUnits"].model_copy(update={"entity_name": "loyaltyCard"})}
    with served(app.model_copy(update={"version": "2.0.0.0", "entities": more})) as bc:
        found = bc.found()
    assert found.readable == set(entity_sets())
    assert found.gaps == ("version 2.0.0.0 of the companion app also has loyaltyCards, which this winbc does not use",)


def test_the_variant_for_version_14_gives_items_and_stock() -> None:
    with served(companion_app(for_bc14=True)) as bc:
        found = bc.found()
    assert found.readable == {"capabilities", "itemSettings", "inventoryLevels", "salesDemands"}
    assert found.can("itemSettings", write=True)


def test_in_a_copied_environment_nothing_is_written() -> None:
    with served(companion_app()) as bc:
        bc.control("__user", {"do": "copyEnvironment"})
        found = bc.found()
    assert (found.state, found.can("orderRequests", write=True), found.can("orderRequests")) == (
        "switched off",
        False,
        True,
    )
    assert "switched off" in found.gaps[0]
