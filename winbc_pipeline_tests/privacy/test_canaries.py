"""A planted person and planted secrets, and all that is written beside the databases: published files, what the
dashboard logs, alerts, backups, the support bundle. Sources: test catalogue rows 91, 96 and 101; docs/privacy.md."""

import json
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from pydantic import SecretStr

from winbc_pipeline.dashboard.guard.access import FILE as TOKENS
from winbc_pipeline.errors import WinbcError
from winbc_pipeline.flows import flow_named
from winbc_pipeline.health.runs import watched
from winbc_pipeline.privacy.erase import erase
from winbc_pipeline.settings import AlertSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.keeping import support_bundle
from winbc_pipeline.workbench.keeping.backup import back_up

from ..support.dashboard import ADDRESS, browser, door_of, stranger
from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TwoWays
from .filled import Filled
from .shop import EMAIL, FLOWS_OF_SHOP, ID, PLANTED, hits

pytestmark = [pytest.mark.proof, pytest.mark.files]
PASSWORD, HOOK, PING, WRONG = "sandbox-secret", "canary-hook-secret", "canary-ping-secret", "canary-wrong-token"
SECRETS = (PASSWORD, HOOK, PING, WRONG)
PAGES = ("/overview", "/activity", "/todo", "/settings", "/me", "/nowhere")
ASKED = (f"/activity?text={EMAIL}", f"/order?key={EMAIL}")
OF_DATABASES = (".duckdb", ".wal", ".zip", ".before")  # a person belongs into these, until the erasing
Places = dict[str, bytes]


@dataclass(frozen=True)
class Days:
    """What is written after a day, and after an erasing and another day; what is found of the person at both times."""

    before: Places
    after: Places
    there: set[tuple[str, str]]
    left: set[tuple[str, str]]


def run(shop: TwoWays, flow: str) -> None:
    with watched(ConnectedFlow(flow_named(flow), shop.settings)):
        shop.run(flow)


def a_day(shop: TwoWays, street: str) -> None:
    """Every flow runs, one of them fails, and people look."""
    for flow in FLOWS_OF_SHOP:
        run(shop, flow)
    shop.in_winstore("000123", street=street)
    shop.fault(BC, {"kind": "status", "status": 500, "path": "api", "times": 99})
    with pytest.raises(WinbcError):
        run(shop, FLOWS_OF_SHOP[0])
    shop.fault(BC)
    shop.pass_time(120)
    door = door_of(shop.settings.data_folder, settings=shop.settings)
    stranger(door).get("/", params={"token": WRONG})
    admin = browser(door, "admin")
    for page in (*PAGES, *ASKED):
        admin.get(page)


def written(shop: TwoWays, bundle: Path) -> Places:
    """All files of the folder of data, with their bytes as they are, and what is in the support bundle."""
    support_bundle.make(shop.settings, bundle, [], with_checks=False)
    folder = shop.settings.data_folder
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with zipfile.ZipFile(bundle) as packed:
        return found | {f"bundle/{name}": packed.read(name) for name in packed.namelist()}


@contextmanager
def logged() -> Iterator[StringIO]:
    """What all loggers write at the level of debugging, without what the test's own browser says of its addresses."""
    text = StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    handler.addFilter(lambda record: ADDRESS not in record.getMessage())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, filled_shop: Filled) -> Days:
    bundles = tmp_path_factory.mktemp("bundles")
    alerts = AlertSettings(
        urls={"hook": SecretStr(f"json://winbc:{HOOK}@127.0.0.1:9/")},
        ping_url=SecretStr(f"http://127.0.0.1:9/{PING}"),
    )
    with filled_shop.opened(tmp_path_factory.mktemp("days")) as shop:
        shop.settings = shop.settings.model_copy(update={"alerts": alerts})
        with logged() as text:
            a_day(shop, "Kerkweg 2")
            back_up(shop.settings)
        before = written(shop, bundles / "before.zip") | {"what was logged": text.getvalue().encode()}
        there = hits(shop.settings, PLANTED)
        erase(shop.settings, EMAIL)
        shop.pass_time(21 * 60)
        with logged() as text:
            a_day(shop, "Kerkweg 3")
        after = written(shop, bundles / "after.zip") | {"what was logged": text.getvalue().encode()}
        return Days(before, after, there, hits(shop.settings, PLANTED))


def found(places: Places, values: list[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, content in places.items() for value in values if value.encode() in content]


def test_the_search_looks_at_what_is_there(days: Days) -> None:
    for places in (days.before, days.after):
        folders = {part for name in places for part in name.split("/")}
        assert {"published", "audit.log", TOKENS, "backups"} <= folders
    assert {value for _, value in days.there} == set(PLANTED)


def test_no_secret_and_no_person_is_in_anything_that_is_written_beside_the_databases(days: Days) -> None:
    assert found(days.before, [*SECRETS]) == []
    beside = {name: content for name, content in days.before.items() if not name.endswith(OF_DATABASES)}
    values = [value for value in PLANTED if value != ID]  # ids of customers are published: docs/dashboard.md
    assert found(beside, values) == []


def test_the_tokens_of_the_dashboard_are_in_their_file_alone(days: Days) -> None:
    (name,) = (each for each in days.before if each.endswith(TOKENS))
    tokens = [*json.loads(days.before[name]).values()]
    assert {place for place, _ in found(days.before, tokens)} == {name}


def test_after_an_erasing_and_another_day_nothing_of_the_person_is_anywhere(days: Days) -> None:
    assert found(days.after, PLANTED) == []
    assert days.left == set()
