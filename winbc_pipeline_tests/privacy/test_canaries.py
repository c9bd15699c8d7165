"""A planted person and planted secrets, and all that is written beside the databases: published files, what the
dashboard logs, alerts, backups, the support bundle. Sources: test catalogue rows 91, 96 and 101; docs/privacy.md."""

import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from winbc_pipeline.dashboard.guard.access import FILE as TOKENS
from winbc_pipeline.dashboard.guard.codes import FILE as CODES
from winbc_pipeline.flows import flow_named
from winbc_pipeline.health.runs import watched
from winbc_pipeline.privacy.erase import erase
from winbc_pipeline.settings import AlertSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.keeping import support_bundle
from winbc_pipeline.workbench.keeping.backup import back_up

from ..support.dashboard import browser, door_of, stranger
from ..support.order_flow import SEND
from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TwoWays
from .shop import EMAIL, FLOWS_OF_SHOP, ID, PLANTED, hits

pytestmark = [pytest.mark.proof, pytest.mark.files]
PASSWORD, HOOK, PING, WRONG = "sandbox-secret", "canary-hook-secret", "canary-ping-secret", "canary-wrong-token"
SECRETS = (PASSWORD, HOOK, PING, WRONG)
PAGES = ("/overview", "/activity", "/todo", "/plan", "/reconcile", "/settings", "/me", "/stock", "/nowhere")
ASKED = (f"/activity?text={EMAIL}", f"/todo?flow=orders_winstore_to_bc&reason={EMAIL}", f"/order?key={EMAIL}")
OF_DATABASES = (".duckdb", ".wal", ".zip", ".before")  # a person belongs into these, until the erasing


def a_day(shop: TwoWays, folder: Path) -> None:
    """Every flow runs, one of them fails, people look, and what is written of it is written."""
    for flow in FLOWS_OF_SHOP:
        with watched(ConnectedFlow(flow_named(flow), shop.settings)):
            shop.run(flow)
    shop.fault(BC, {"kind": "status", "status": 500, "path": "customers", "times": 99})
    with pytest.raises(Exception), watched(ConnectedFlow(flow_named(FLOWS_OF_SHOP[0]), shop.settings)):  # noqa: B017, PT011
        shop.run(FLOWS_OF_SHOP[0])
    shop.fault(BC)
    door = door_of(shop.settings.data_folder, settings=shop.settings, second_factor=False)
    stranger(door).get("/", params={"token": WRONG})
    admin: TestClient = browser(door, "admin")
    for page in (*PAGES, *ASKED):
        admin.get(page)
    back_up(shop.settings)
    support_bundle.make(shop.settings, folder / "bundle.zip", [], with_checks=False)


def written(shop: TwoWays, folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files of the folder of data, with their bytes as they are, and what is in the support bundle."""
    for path in shop.settings.data_folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(shop.settings.data_folder).as_posix(), path.read_bytes()
    with zipfile.ZipFile(folder / "bundle.zip") as packed:
        yield from ((f"bundle: {name}", packed.read(name)) for name in packed.namelist())


@pytest.fixture
def told(shop: TwoWays) -> TwoWays:
    """The shop, whose alerts go to addresses with secrets."""
    urls = {"hook": SecretStr(f"json://winbc:{HOOK}@127.0.0.1:9/")}
    ping = SecretStr(f"http://127.0.0.1:9/{PING}")
    shop.settings = shop.settings.model_copy(update={"alerts": AlertSettings(urls=urls, ping_url=ping)})
    return shop


def test_no_secret_and_no_person_is_in_anything_that_is_written_beside_the_databases(
    told: TwoWays,
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    caplog.set_level(logging.DEBUG)
    a_day(told, folder)
    places = dict(written(told, folder))
    places |= {"what was printed": "".join(capfd.readouterr()).encode(), "what was logged": caplog.text.encode()}
    looked_at = {name.split("/")[1] if "/" in name else name for name in places}
    assert {"published", "audit.log", TOKENS, "backups"} <= looked_at, "the search looks at what is there"
    assert [(name, value) for name, text in places.items() for value in SECRETS if value.encode() in text] == []
    tokens = door_of(told.settings.data_folder, settings=told.settings).access.tokens.values()
    quoting = {name for name, text in places.items() for token in tokens if token.encode() in text}
    assert {name.rpartition("/")[2] for name in quoting} == {TOKENS}
    beside = {name: text for name, text in places.items() if not name.endswith(OF_DATABASES)}
    values = [value for value in PLANTED if value != ID]  # ids of customers are published: docs/dashboard.md
    assert [(name, value) for name, text in beside.items() for value in values if value.encode() in text] == []
    assert CODES not in looked_at


def test_after_an_erasing_and_another_day_nothing_of_the_person_is_anywhere(
    told: TwoWays, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    a_day(told, folder)
    told.order("W77", customerid=ID, email=EMAIL)
    told.fault(BC, {"kind": "drop_after", **SEND, "nth": 1})
    told.run(FLOWS_OF_SHOP[-1])
    told.fault(BC)
    erase(told.settings, EMAIL)
    caplog.set_level(logging.DEBUG)
    told.pass_time(21 * 60)
    a_day(told, folder)
    found = {(name, value) for name, text in written(told, folder) for value in PLANTED if value.encode() in text}
    assert found | hits(told.settings, PLANTED) == set()
    assert [value for value in PLANTED if value in caplog.text] == []
