"""A load that is killed is continued by the next one: only the rest is asked for, and nothing is missing.

Source of the promise: issue 19. Each page holds two records and is committed by itself.
"""

import re
import signal
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from urllib.parse import unquote

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import load_settings
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading import read_bc
from winbc_pipeline.sync.reading.stage import stage

from ..support import forked
from ..support.bc_users import BcUsers
from ..support.sandboxes import FIRST, HTTP, Sandboxes, environment_of
from ..support.winstore_profiles import VERSION_1

pytestmark = pytest.mark.proof

SHIPPED = resources.files("winbc_pipeline.systems.winstore").joinpath("profile.toml")
PAGES, DIES_AT = 10, 7
RECORDS = 2 * PAGES
COMMITTED = DIES_AT - 3  # pages that are surely committed: the last ones may still be on their way
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def at(number: int) -> str:
    """The modification moment of a record: one a minute."""
    return (START + timedelta(minutes=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(params=["pages", "chunks"])
def shop(request: pytest.FixtureRequest, sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> Sandboxes:
    """Customers and orders in Winstore, read two at a time: by pages of contract 1, or by chunks that begin with the
    last record of the chunk before. Both loads have the same settings."""
    text = VERSION_1.read_text("utf-8") if request.param == "pages" else SHIPPED.read_text("utf-8")
    text = re.sub(r"records_per_page = \d+", "records_per_page = 2", text)
    profile = sandboxes.folder / "profile.toml"
    profile.write_text(re.sub(r"records_per_chunk = \d+", "records_per_chunk = 3", text), encoding="utf-8")
    for name, value in (environment_of(sandboxes) | {"WINBC_WINSTORE__PROFILE": str(profile)}).items():
        monkeypatch.setenv(name, value)
    numbers = range(RECORDS)
    sandboxes.fill(
        customers=[{"customer_id": f"{n}", "email": f"{n}@mail.example", "modified_at": at(n)} for n in numbers],
        orders=[{"order_number": f"W{n}", "customer_id": f"{n}", "modified_at": at(n)} for n in numbers],
    )
    return sandboxes


def questions(sandboxes: Sandboxes) -> list[datetime]:
    """From when each page was asked for, in all calls to Winstore so far."""
    calls = HTTP.get(f"{sandboxes.addresses.winstore_control}/__log").json()["calls"]
    found = (re.search(r"date=([^?&]+)", unquote(call["path"])) for call in calls)
    return [datetime.fromisoformat(each.group(1)) for each in found if each]


def connected(flow: str) -> ConnectedFlow:
    return ConnectedFlow(flow_named(flow), load_settings())


def staged(flow: str, column: str) -> list[dict[str, Any]]:
    """Each record of the staging table, by a column that tells it."""
    with connected(flow).store.open() as database:
        table = connected(flow).staging
        return rows_of(database, f'SELECT {column} AS name, "{table.modified}" AS moment FROM {table.name} ORDER BY 2')


@pytest.mark.parametrize(("flow", "key"), [("customers", "customerid"), ("orders", "ordernr")])
def test_a_killed_load_of_winstore_goes_on_where_it_stopped(shop: Sandboxes, flow: str, key: str) -> None:
    assert forked.signal_of(forked.staging(flow, {}, DIES_AT)) == signal.SIGKILL
    before, there = len(questions(shop)), len(staged(flow, key))
    assert 2 * COMMITTED <= there < RECORDS

    read = stage(connected(flow), FIRST)

    begun = questions(shop)[before]
    assert begun == START + timedelta(minutes=there - 1), "from the newest record that was committed"
    assert read == RECORDS - there + 1
    assert [row["moment"] for row in staged(flow, key)] == [START + timedelta(minutes=n) for n in range(RECORDS)]


def test_what_changed_after_the_kill_is_read_by_the_load_that_goes_on(shop: Sandboxes) -> None:
    assert forked.signal_of(forked.staging("customers", {}, DIES_AT)) == signal.SIGKILL
    again = {"customer_id": "0", "email": "0@mail.example", "modified_at": at(RECORDS)}
    shop.fill(customers=[again | {"last_name": "Jansen"}])
    stage(connected("customers"), FIRST)
    rows = staged("customers", "customerid || ' ' || lname")
    assert len(rows) == RECORDS
    assert rows[-1]["name"] == "0 Jansen"


@pytest.mark.parametrize("shop", ["chunks"], indirect=True)  # contract 1 gives all articles in one answer
def test_a_load_that_goes_on_misses_no_article_and_the_next_whole_one_does(
    shop: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINBC_HISTORY_START", FIRST.isoformat())
    shop.fill(articles=[{"sku": f"S{n}", "article_key": f"{n}", "modified_at": at(n)} for n in range(RECORDS)])
    products = connected("products")
    whole = stage(products, FIRST)
    ghost = "SELECT * REPLACE ('GHOST' AS _key, 'GHOST' AS sku, 'GHOST' AS artkey) FROM staging_winstore_articles"
    with products.store.open() as database:
        database.execute(f"INSERT INTO staging_winstore_articles {ghost} WHERE sku = 'S1'")

    def missed() -> list[dict[str, Any]]:
        with products.store.open() as database:
            return rows_of(database, "SELECT key, kind FROM gone_staging_winstore_articles")

    assert forked.signal_of(forked.staging("products", {}, DIES_AT)) == signal.SIGKILL
    assert stage(products, FIRST) < whole
    assert missed() == []
    assert stage(products, FIRST) == whole
    assert missed() == [{"key": "GHOST", "kind": "absent"}]


def test_once_a_load_has_ended_the_next_one_reads_everything_again(shop: Sandboxes) -> None:
    assert forked.signal_of(forked.staging("customers", {}, DIES_AT)) == signal.SIGKILL
    stage(connected("customers"), FIRST)
    assert stage(connected("customers"), FIRST) == RECORDS


def test_after_an_edit_of_the_settings_a_killed_load_begins_anew(
    shop: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forked.signal_of(forked.staging("customers", {}, DIES_AT)) == signal.SIGKILL
    monkeypatch.setenv("WINBC_WINSTORE__TIME_ZONE", "Europe/Lisbon")
    assert stage(connected("customers"), FIRST) == RECORDS


def test_a_killed_load_of_business_central_goes_on_where_it_stopped(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of(sandboxes).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(read_bc, "DOCUMENTS_PER_PAGE", 2)
    users, flow = BcUsers(sandboxes), "orders_bc_to_winstore"
    users.set_up()
    for number in range(RECORDS):
        users.at(at(number))
        users.order(release=False, externalDocumentNumber=f"B{number}")
    users.at(at(RECORDS + 60))
    # Three more calls than Winstore takes: the company, whether it has the companion app, and its locations.
    assert forked.signal_of(forked.staging(flow, {}, DIES_AT + 3)) == signal.SIGKILL
    there = len(staged(flow, "number"))
    assert 2 * COMMITTED <= there < RECORDS

    read = stage(connected(flow), FIRST)

    assert read == RECORDS - there + 1
    rows = staged(flow, "externalDocumentNumber")
    assert [row["name"] for row in rows] == [f"B{number}" for number in range(RECORDS)]
