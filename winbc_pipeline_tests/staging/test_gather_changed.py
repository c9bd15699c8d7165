"""Only records whose rows changed are put together again: they are what putting all together would have made."""

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows.products import PRODUCTS
from winbc_pipeline.flows.stock import STOCK_TO_BC, STOCK_TO_WINSTORE
from winbc_pipeline.settings import Settings
from winbc_pipeline.staging import gather
from winbc_pipeline.staging.gone import note_absent
from winbc_pipeline.staging.lingering import lingering
from winbc_pipeline.staging.load import load
from winbc_pipeline.staging.store import quote, rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import Flow
from winbc_pipeline.sync.reading.stage import BEGINNING, gather_records

from ..support.sandboxes import REPOSITORY

START = datetime(2026, 3, 2, tzinfo=UTC)
SKUS = ["A", "a", "B", "C", "c", "D", "E"]  # some are alike for Business Central
RULES = ["A,,2,,,,,", "c,,,5,,,,", ",Wine,1,,,,,", ",*,,,6,,,", "D,,,,,,yes,"]
GROUPS = ["*,ALL,", "1,SHOPS,", "2,,on loan", "3,CENTRAL,"]


class Killed(Exception):
    """A run was killed."""


@dataclass
class World:
    """One flow of stock with tables of its own, and all that may happen to it."""

    flow: Flow
    settings: Settings

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(self.flow, self.settings)

    def given(self, rows: list[dict[str, Any]], now: datetime) -> None:
        connected = self.connected
        load(connected.store, connected.loaded, [json.dumps(rows).encode()], now)

    def given_whole(self, rows: list[dict[str, Any]], now: datetime) -> None:
        self.given(rows, now)
        table = self.connected.loaded
        note_absent(self.connected.store, table.name, table.group, table.modified, BEGINNING, now.date())

    def articles(self, rows: list[dict[str, Any]], now: datetime) -> None:
        products = ConnectedFlow(PRODUCTS, self.settings)
        load(products.store, products.loaded, [json.dumps(rows).encode()], now)

    def lost(self, table: str, fields: str, values: list[str]) -> None:
        with self.connected.store.open() as connection:
            connection.execute(f"DELETE FROM {quote(table)} WHERE {fields} IN (SELECT unnest(?::VARCHAR[]))", [values])

    def table(self, name: str, rows: list[str]) -> None:
        path = self.settings.mapping_folder / "lookups" / f"{name}.csv"
        head = path.read_text(encoding="utf-8").splitlines()[0]
        path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")

    def owners(self, owners: dict[str, str]) -> None:
        stock = self.settings.stock.model_copy(update={"owners": owners})
        self.settings = self.settings.model_copy(update={"stock": stock})

    def history_starts(self, day: date) -> None:
        self.settings = self.settings.model_copy(update={"history_start": day})

    def all_anew(self) -> None:
        """Forgets how records were put together."""
        with self.connected.store.open() as connection:
            gather.create_table(connection, gather.MADE_BY, gather.MADE)
            connection.execute(f"DELETE FROM {gather.MADE_BY}")

    def together(self, now: datetime) -> list[list[dict[str, Any]]]:
        """The records and their history."""
        gather_records(self.connected, now)
        name = self.connected.staging.name
        with self.connected.store.open() as connection:
            tables = (quote(name), quote(gather.history_table(name)))
            return [rows_of(connection, f"FROM {table} ORDER BY ALL") for table in tables]


def world(folder: Path, name: str, flow: Flow) -> World:
    tables = folder / name / "tables"
    shutil.copytree(REPOSITORY / "mapping_tables", tables)
    history = {"history_days": 30}
    settings = Settings(data_folder=folder / name, connection=name, mapping_folder=tables, stock=history)
    return World(flow, settings)


def row_of(chance: random.Random, flow: Flow, sku: str, now: datetime) -> dict[str, Any]:
    """A row of a source. It may be older than what is there, the same, or not readable."""
    moment = (now - timedelta(days=chance.choice([0, 0, 0, 1, 40]))).isoformat().replace("+00:00", ".000Z")
    figure = chance.choice(["1", "2", "3", "three"])
    if flow is STOCK_TO_BC:
        row = {"artkey": sku, "sku": chance.choice([sku, f" {sku}"]), "warehouse": str(chance.randint(1, 3))}
        return row | {"gtin": "", "managestock": "", "quantity": figure, "reserved": "1", "modified": moment}
    item = {"id": f"id-{SKUS.index(sku) // 2}", "number": sku, "type": "Inventory", "lastModifiedDateTime": moment}
    return item | {"inventory": figure, "on_hand": figure, "itemCategoryCode": chance.choice(["Wine", "Beer"])}


def event(chance: random.Random, flow: Flow, now: datetime) -> tuple[str, Callable[[World], None]]:
    """Something that may happen, with its name."""
    staging = ConnectedFlow(flow, Settings())
    field = "sku" if flow is STOCK_TO_BC else "number"
    skus = chance.sample(SKUS, chance.randint(1, 3))
    rows = [row_of(chance, flow, sku, now) for sku in skus]
    every = [row_of(chance, flow, sku, now) for sku in SKUS if sku not in skus]
    category = chance.choice(["Wine", "Beer"])
    articles = [{"artkey": sku, "sku": sku, "category": category, "modified": now.isoformat()} for sku in skus]
    rules, groups = chance.sample(RULES, 2), chance.sample(GROUPS, 2)
    begins = START.date() + timedelta(days=chance.choice([-30, 20]))
    owners = {"CENTRAL": chance.choice(["bc", "winstore"])}
    events: dict[str, Callable[[World], None]] = {
        "given": lambda world: world.given(rows, now),
        "given whole": lambda world: world.given_whole(every, now),
        "rows lost": lambda world: world.lost(staging.loaded.name, field, skus),
        "records lost": lambda world: world.lost(staging.staging.name, field, skus),
        "articles": lambda world: world.articles(articles, now),
        "rules": lambda world: world.table("stock_rules", rules),
        "groups": lambda world: world.table("stock_groups", groups),
        "owners": lambda world: world.owners(owners),
        "history starts": lambda world: world.history_starts(begins),
    }
    name = chance.choice(["given"] * 5 + ["given whole", "rows lost", "articles"] * 2 + [*events])
    return name, events[name]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("flow", [STOCK_TO_BC, STOCK_TO_WINSTORE], ids=lambda flow: flow.id)
@lingering()
def test_whatever_happens_records_are_as_if_all_had_been_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow: Flow, seed: int
) -> None:
    """Rows come, go and are lost; rules, groups, owners and categories change; a run is killed before or within."""
    chance, told = random.Random(seed), []
    if seed:
        monkeypatch.setattr(gather, ("ROWS_AT_ONCE", "RECORDS_AT_ONCE")[seed - 1], 3)
    some, all_anew = world(tmp_path, "some", flow), world(tmp_path, "all", flow)
    for each in (some, all_anew):
        each.given([row_of(random.Random(seed), flow, sku, START) for sku in SKUS], START)
        each.together(START)
    for step in range(12):
        now = START + timedelta(days=step * 6)
        for _ in range(chance.randint(0, 2)):
            name, happens = event(chance, flow, now)
            told.append(name)
            for each in (some, all_anew):
                happens(each)
        if chance.random() < 0.2:
            killed(some, now, monkeypatch)
            told.append("killed")
        all_anew.all_anew()
        assert some.together(now) == all_anew.together(now), told


def killed(world: World, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts together until shortly before all counts."""

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(gather, "_note_made_by", dies)
        gather_records(world.connected, now)


def test_only_what_changed_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time: also after a change that came before."""
    looked_at, put_together = list[int](), gather._gather
    shop = world(tmp_path, "some", STOCK_TO_BC)

    def noted(connection: Any, table: Any, text: str, taken: Any, select: str) -> None:
        looked_at.append(gather._count(connection, taken[shop.connected.loaded.name]))
        put_together(connection, table, text, taken, select)

    monkeypatch.setattr(gather, "_gather", noted)
    chance = random.Random(26)
    for skus in (SKUS, ["A"], [], ["B"], ["B", "C"]):
        shop.given([row_of(chance, STOCK_TO_BC, sku, START) | {"warehouse": "1", "gtin": sku} for sku in skus], START)
        shop.together(START)
    assert looked_at[0] == len(SKUS)
    assert all(number <= 3 for number in looked_at[1:])  # `A` and `a` are looked at together
    assert len(looked_at) <= 4


def test_another_select_puts_all_together(tmp_path: Path) -> None:
    """A setting may change it, or an update."""
    shop = world(tmp_path, "some", STOCK_TO_BC)
    shop.given([row_of(random.Random(26), STOCK_TO_BC, sku, START) for sku in SKUS], START)
    before, _ = shop.together(START)
    assert before and all(record["artkey"] != "another" for record in before)
    gather_of = STOCK_TO_BC.gather
    assert gather_of

    def select(settings: Settings, rows: str) -> str:
        return f"SELECT * REPLACE ('another' AS artkey) FROM ({gather_of.select(settings, rows)})"

    shop.flow = replace(STOCK_TO_BC, gather=replace(gather_of, select=select))
    after, _ = shop.together(START)
    assert [record["artkey"] for record in after] == ["another"] * len(before)


def test_rows_that_are_equal_and_change_alike_are_noticed(tmp_path: Path) -> None:
    """A profile of one's own may give an article twice, so that its SKU has two rows with the same category."""
    shop, gather_of = world(tmp_path, "some", STOCK_TO_BC), STOCK_TO_BC.gather
    assert gather_of
    shop.given([row_of(random.Random(26), STOCK_TO_BC, "A", START)], START)
    found = []
    for category in ("shoes", "bags"):
        twice = [{"sku": sku, "category": category} for sku in ("A", "A")]
        shop.flow = replace(STOCK_TO_BC, gather=replace(gather_of, asks=lambda _, twice=twice: twice))
        (record,), _ = shop.together(START)
        found.append(record["category"])
    assert found == ["shoes", "bags"]


@pytest.mark.proof
@pytest.mark.files
def test_two_hundred_thousand_skus_of_one_warehouse_fit_into_the_memory_as_shipped(tmp_path: Path) -> None:
    shop = world(tmp_path, "large", STOCK_TO_BC)
    row = row_of(random.Random(1), STOCK_TO_BC, "A", START)
    for first in range(0, 200_000, 50_000):
        shop.given([row | {"sku": f"SKU-{number:06d}"} for number in range(first, first + 50_000)], START)
    gather_records(shop.connected, START)
    with shop.connected.store.open() as connection:
        assert gather._count(connection, shop.connected.staging.name) == 200_000
