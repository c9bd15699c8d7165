"""What people do to master data and stock while it is read, or to records that were read before.

Source: test catalogue, section 2 (reading: windows, pages, time); each test names its row.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.settings import CustomerSettings, ProductSettings, StockSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading import read_bc
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems import winstore

from ..support.order_sandboxes import FIRST, LAST
from ..support.shops.product_shop import open_product_shop
from ..support.shops.stock_world import open_stock_world
from ..support.shops.two_ways import open_two_ways

World = Any  # one of the three shops, whose words differ
PROFILE = Path(winstore.__file__).with_name("profile.toml")


@dataclass(frozen=True)
class Case:
    """One flow, and what the tests do in its source.

    Attributes:
        opened: opens its world.
        calls: a part of the address by which its records are read.
        add: makes the record number n in the source; remove: deletes it.
        key: the key of the record number n in staging.
    """

    flow: str
    opened: Callable[[Path], AbstractContextManager[World]]
    calls: str
    add: Callable[[World, int], object]
    remove: Callable[[World, int], object]
    key: str = "K{}"


def removed_in_bc(entity_set: str) -> Callable[[World, int], None]:
    def remove(world: World, number: int) -> None:
        record = next(each for each in world.records(entity_set) if each["number"] == f"K{number}")
        answer = world.by_person("DELETE", f"{entity_set}({record['id']})")
        assert answer.status_code < 300, answer.text

    return remove


def removed_in_winstore(entity: str, key: str) -> Callable[[World, int], None]:
    return lambda world, number: world.winstore_app.state.records.delete(entity, key.format(number))


def added_item(world: World, number: int) -> None:
    world.pass_time(1)
    body = {"number": f"K{number}", "displayName": "Mug", "type": "Inventory", "baseUnitOfMeasureCode": "PCS"}
    body |= {"taxGroupCode": "VAT21"}
    answer = world.by_person("POST", "items", body)
    assert answer.status_code == 201, answer.text


CASES = {
    case.flow: case
    for case in (
        Case(
            "customers_winstore_to_bc",
            open_two_ways,
            "GetCustomerChangesByDate",
            lambda world, n: world.shop_has(str(n), email=f"a{n}@mail.example"),
            removed_in_winstore("customers", "{}"),
            key="{}",
        ),
        Case(
            "customers_bc_to_winstore",
            open_two_ways,
            "/customers?",
            lambda world, n: world.bc_has(f"K{n}", email=f"a{n}@mail.example"),
            removed_in_bc("customers"),
        ),
        Case(
            "products_winstore_to_bc",
            open_product_shop,
            "GetArticleDataChangesByDate",
            lambda world, n: world.article(str(n), f"K{n}"),
            removed_in_winstore("articles", "{}"),
        ),
        Case("products_bc_to_winstore", open_product_shop, "/items?", added_item, removed_in_bc("items")),
        Case(
            "stock_winstore_to_bc",
            open_stock_world,
            "GetChangedStockWithWarehouse",
            lambda world, n: world.shop_has(f"K{n}"),
            removed_in_winstore("stock", "K{}/1"),
            key="K{}/1",
        ),
        Case("stock_bc_to_winstore", open_stock_world, "/items?", added_item, removed_in_bc("items")),
    )
}
FROM_BC = [name for name in CASES if name.endswith("bc_to_winstore")]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def world(case: Case, tmp_path: Path, tables: Path) -> Iterator[World]:
    """The flow's two systems, with both directions on."""
    with case.opened(tmp_path) as made:
        owner = {"owner": "bc", "warehouse": "7"} if case.flow in FROM_BC else {"owner": "winstore"}
        on = {
            "customers": CustomerSettings(direction="both"),
            "products": ProductSettings(direction="both"),
            "stock": StockSettings.model_validate(owner),
        }
        made.settings = made.settings.model_copy(update=on)
        yield made


def reads_two_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both systems give two records a call."""
    settings = world.settings
    profile = settings.data_folder / "profile.toml"
    profile.write_text(re.sub("records_per_chunk = .*", "records_per_chunk = 2", PROFILE.read_text()))
    monkeypatch.setattr(read_bc, "DOCUMENTS_PER_PAGE", 2)
    small = {
        "winstore": settings.winstore.model_copy(update={"profile": profile}),
        "bc": settings.bc.model_copy(update={"page_size": 2}),
    }
    world.settings = settings.model_copy(update=small)


def connected(case: Case, world: World) -> ConnectedFlow:
    return ConnectedFlow(flow_named(case.flow), world.settings)


def staged(case: Case, world: World) -> set[str]:
    """The keys of the records that were read."""
    flow = connected(case, world)
    with flow.store.open() as connection:
        return {key for (key,) in connection.execute(f'SELECT _key FROM "{flow.loaded.name}"').fetchall()}


def run(case: Case, world: World, first: Any = FIRST) -> Summary:
    world.runs += 1
    return sync(Work(connected(case, world), first, LAST, f"run-{world.runs}"))


def outcomes(case: Case, world: World) -> dict[str, str]:
    """The state of each record of the main part, by key."""
    flow = connected(case, world)
    return {row["key"]: row["state"] for row in ledger.read(flow.store, "part = ?", [flow.flow.main])}


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_records_that_are_deleted_between_two_pages_hide_no_neighbour(
    case: Case, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 31. A source that counts records to find a page would leave out the first ones of the next page."""
    reads_two_at_a_time(world, monkeypatch)
    for number in range(1, 6):
        case.add(world, number)
    world.wire.meanwhile[case.calls] = lambda: [case.remove(world, number) for number in (1, 2)]
    stage(connected(case, world), FIRST)
    assert not world.wire.meanwhile, "they were deleted while the rest was read"
    assert {case.key.format(number) for number in (3, 4, 5)} <= staged(case, world)


@pytest.mark.parametrize("case", FROM_BC, indirect=True)
def test_what_a_long_transaction_of_business_central_commits_late_is_taken(case: Case, world: World) -> None:
    """Row 32. Its moment lies before what was read last, and its window is read again from the beginning."""
    case.add(world, 1)
    world.pass_time(600)
    case.add(world, 2)
    run(case, world)
    with world.committed_late(minutes=5):
        case.add(world, 3)
    run(case, world, world.now.date())
    states = outcomes(case, world)
    assert states["K3"] == states["K1"]


def test_a_count_that_business_central_commits_late_reaches_winstore(tmp_path: Path, tables: Path) -> None:
    """Row 32, for the entries of an item."""
    with open_stock_world(tmp_path) as world:
        world.bc_owns(3)
        world.pass_time(600)
        run(CASES["stock_bc_to_winstore"], world)
        with world.committed_late(minutes=5):
            world.counted(9)
        world.run_changes("stock_bc_to_winstore")
        assert world.shown() == 9


NO_MOMENTS = {"null": b"null", "zero": b'"0001-01-01T00:00:00Z"'}


@pytest.mark.parametrize(
    "moment",
    [pytest.param(NO_MOMENTS["null"], marks=pytest.mark.proof, id="null"), pytest.param(NO_MOMENTS["zero"], id="zero")],
)
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_records_without_a_moment_belong_to_the_window_in_which_they_were_read(
    case: Case, world: World, moment: bytes
) -> None:
    """Row 36. Nothing ends the read, and no record is left in a window of the year 1, which nobody runs."""
    case.add(world, 1)
    case.add(world, 2)
    dated = re.compile(rb'"(lastModifiedDateTime|modified)":"[^"]*"')
    world.wire.rewrite = lambda url, body: dated.sub(rb'"\1":' + moment, body) if case.calls in url else body
    run(case, world, world.now.date())
    assert len({key for key in outcomes(case, world) if key in ("1", "2", "K1", "K2")}) == 2


def test_a_customer_who_is_no_longer_blocked_for_privacy_is_sent_by_a_whole_read(tmp_path: Path, tables: Path) -> None:
    """Row 41, where the moment of the customer stays: the block is the contact's."""
    case = CASES["customers_bc_to_winstore"]
    with open_two_ways(tmp_path) as world:
        world.bc_has("K1", type="Company", displayName="Klein BV", email="k@mail.example")
        (contact,) = world.records("contacts")
        path = f"contacts({contact['id']})"
        assert world.by_person("PATCH", path, {"privacyBlocked": True}).status_code == 200
        run(case, world)
        assert outcomes(case, world) == {"K1": "SKIPPED"}
        before = world.of_bc("K1")["lastModifiedDateTime"]
        assert world.by_person("PATCH", path, {"privacyBlocked": False}).status_code == 200
        run(case, world)
        assert outcomes(case, world) == {"K1": "CONFIRMED"}
        assert world.of_bc("K1")["lastModifiedDateTime"] == before


def test_a_customer_who_is_no_longer_blocked_is_sent_by_the_next_run(tmp_path: Path, tables: Path) -> None:
    """Row 41, where the moment of the customer moves."""
    case = CASES["customers_bc_to_winstore"]
    with open_two_ways(tmp_path) as world:
        world.bc_has("K1", blocked="All", email="k@mail.example")
        run(case, world)
        assert outcomes(case, world) == {"K1": "SKIPPED"}
        world.in_bc("K1", blocked="_x0020_")
        run(case, world, world.now.date())
        assert outcomes(case, world) == {"K1": "CONFIRMED"}


def test_an_article_that_gets_a_sku_is_sent_by_a_whole_read_though_its_moment_stays(
    tmp_path: Path, tables: Path
) -> None:
    """Row 41: an article without a SKU is skipped (NO_SKU)."""
    case = CASES["products_winstore_to_bc"]
    with open_product_shop(tmp_path) as world:
        world.article("7")
        run(case, world)
        assert set(outcomes(case, world).values()) == {"SKIPPED"}
        before = world.winstore_app.state.records.get("articles", "7")["modified"]
        world.article("7", "K7")
        edited = world.winstore_app.state.records.get("articles", "7") | {"modified": before}
        world.winstore_app.state.records.replace("articles", "7", edited)
        run(case, world)
        assert outcomes(case, world)["K7"] == "CONFIRMED"


def test_an_item_whose_variants_were_deleted_is_sent_by_a_whole_read_though_its_moment_stays(
    tmp_path: Path, tables: Path
) -> None:
    """Row 41: an item with variants is skipped where each SKU is an item (ITEM_VARIANTS)."""
    case = CASES["products_bc_to_winstore"]
    with open_product_shop(tmp_path) as world:
        world.both_ways("items")
        added_item(world, 1)
        (item,) = [each for each in world.records("items") if each["number"] == "K1"]
        made = world.by_person("POST", "itemVariants", {"itemNumber": "K1", "code": "RED", "description": "red"})
        assert made.status_code == 201, made.text
        run(case, world)
        assert outcomes(case, world)["K1"] == "SKIPPED"
        assert world.by_person("DELETE", f"itemVariants({made.json()['id']})").status_code == 204
        run(case, world)
        assert outcomes(case, world)["K1"] == "CONFIRMED"
        assert item["lastModifiedDateTime"] == world.records("items")[-1]["lastModifiedDateTime"]
