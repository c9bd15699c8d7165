"""A shop whose articles change, lose a SKU or vanish, and the items of Business Central beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.flows.products import PRODUCTS_TO_WINSTORE
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.retail import whole_articles
from winbc_pipeline.settings import Loss, ProductSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import BLOCK, Flow
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.records.special.gone import reported
from winbc_pipeline.sync.run import Summary, dry_run, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.intervention import Request, intervention

from ..in_process import Killed, in_process
from ..order_flow import OrderFlow, settings_of_order_flow
from ..order_sandboxes import BC, FIRST, KNOWN_SKU, LAST, WINSTORE, Record
from ..sandboxes import ARTICLE


class ProductShop(OrderFlow):
    """Articles of one SKU each and of no category. Each edit happens a second after the one before."""

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(PRODUCTS, self.settings)

    def chooses(self, choice: str) -> None:
        """What the settings say of all that is gone."""
        self.products(inactive=choice, missing_sku=choice, missing_article=choice)

    def products(self, **chosen: Any) -> None:
        """Settings of products."""
        settings = ProductSettings.model_validate(chosen)
        self.settings = self.settings.model_copy(update={"products": settings})

    def as_variants(self) -> None:
        """Articles are items from now on, and their SKUs are variants, whatever that loses."""
        self.products(variants="item_variants", accept_losses=get_args(Loss))

    def article(self, key: str, *skus: str, **fields: str) -> None:
        """Puts an article into Winstore, or an edited one in its place."""
        self.pass_time(1)
        usual = ARTICLE | {"category": "", "gtin": "", "modified_at": timestamp(self.now), "article_key": key} | fields
        (record,) = whole_articles([usual | {"sku": sku} for sku in skus or ("",)])
        self.winstore_app.state.records.insert_many("articles", [(key, record)])

    def sells(self, key: str, *skus: Record, **fields: str) -> None:
        """Puts an article of several SKUs into Winstore, each with fields of its own, or an edited one in its place."""
        self.pass_time(1)
        usual = ARTICLE | {"category": "", "gtin": "", "name": "", "model_name": "Shirt", "article_key": key} | fields
        (record,) = whole_articles([usual | {"modified_at": timestamp(self.now)} | sku for sku in skus])
        self.winstore_app.state.records.insert_many("articles", [(key, record)])

    def both_ways(self, variants: str) -> None:
        """Products go both ways from now on."""
        losses = get_args(Loss) if variants == "item_variants" else ()
        self.products(direction="both", variants=variants, accept_losses=losses)

    def passes(self) -> None:
        """One run in each direction."""
        self.run()
        self.run_of(PRODUCTS_TO_WINSTORE)

    def run_of(self, flow: Flow) -> Summary:
        """A run of one direction."""
        self.runs += 1
        return sync(Work(ConnectedFlow(flow, self.settings), FIRST, LAST, f"run-{self.runs}"))

    def run_dies_at(self, flow: Flow, point: str, nth: int = 1) -> bool:
        """A run that dies when it is at a named place for the nth time; returns whether it came there."""
        crash_points.armed[point] = nth
        try:
            self.run_of(flow)
        except Killed:
            return True
        finally:
            crash_points.armed.clear()
        return False

    def winstore_clock(self, ahead: timedelta) -> None:
        """Sets Winstore's clock ahead of the others, until time passes."""
        self._control(WINSTORE, "clock", {"now": (self.now + ahead).isoformat()})

    def all_writes(self) -> list[Any]:
        """The writes that both systems have taken."""
        return [self.state(port)["writes"] for port in (BC, WINSTORE)]

    def in_bc(self, item: str, **fields: Any) -> None:
        """A user of Business Central changes an item."""
        self.pass_time(1)
        answer = self.by_person("PATCH", f"items({self.item(item)['id']})", fields)
        assert answer.status_code == 200, answer.text

    def in_bc_made(self, entity_set: str, fields: Record) -> None:
        """A user of Business Central makes a record."""
        self.pass_time(1)
        answer = self.by_person("POST", entity_set, fields)
        assert answer.status_code == 201, answer.text

    def of_shop(self, key: str) -> Record:
        """An article of Winstore."""
        return next(each for each in self.state(WINSTORE)["records"]["articles"] if each["artkey"] == key)

    def sku(self, sku: str) -> Record:
        """A SKU of Winstore."""
        found = self.state(WINSTORE)["records"]["articles"]
        return next(row for each in found for row in each["variants"] if row["sku"] == sku)

    def stocked(self, sku: str, quantity: str) -> None:
        """Winstore's figure of a SKU in its warehouse 1."""
        self.pass_time(1)
        row = {"id": f"{sku}/1", "artkey": "", "sku": sku, "gtin": "", "warehouse": "1", "managestock": ""}
        row |= {"quantity": quantity, "reserved": "0", "modified": timestamp(self.now)}
        self.winstore_app.state.records.insert_many("stock", [(row["id"], row)])

    def vanishes(self, key: str) -> None:
        """Winstore does not give the article any more."""
        self.winstore_app.state.records.delete("articles", key)

    def work(self) -> Work:
        self.runs += 1
        return Work(self.connected, FIRST, LAST, f"run-{self.runs}")

    def run(self, work: Work | None = None) -> Summary:
        return sync(work or self.work())

    def run_later(self) -> Summary:
        """A run of the newest windows, as a sensor asks for it: it reads what changed today."""
        self.runs += 1
        return self.run(Work(self.connected, self.now.date(), self.now.date(), f"run-{self.runs}"))

    def plan(self) -> list[Record]:
        """The planned rows of the part that blocks."""
        work = self.work()
        dry_run(work)
        return planned_rows(work, BLOCK)

    def gone(self) -> dict[str, list[str]]:
        """The keys that are reported, by reason."""
        return {reason: named for reason, (_, named) in reported(self.connected).items()}

    def item(self, number: str) -> Record:
        return next(each for each in self.records("items") if each["number"] == number)

    def is_blocked(self, number: str) -> bool:
        return bool(self.item(number)["blocked"])

    def person_sets(self, number: str, blocked: bool) -> None:
        """A person blocks or unblocks an item in Business Central."""
        answer = self.by_person("PATCH", f"items({self.item(number)['id']})", {"blocked": blocked})
        assert answer.status_code == 200, answer.text

    def settle(self, how: str, key: str, number: str = "") -> None:
        """A person decides, as with `winbc resolve`."""
        request = Request(how, (key,), number=number, why="so")  # type: ignore[arg-type]
        with intervention(self.connected, "by hand") as turn:
            turn.carry_out(request, turn.proposed(request))

    def variants(self) -> dict[str, tuple[str, str]]:
        """Number of the item and description of each variant in Business Central, by code."""
        return {each["code"]: (each["itemNumber"], each["description"]) for each in self.records("itemVariants")}

    def numbers(self) -> list[str]:
        """The numbers of the items that the program made."""
        return sorted(each["number"] for each in self.records("items") if each["number"] != KNOWN_SKU)

    def states(self, part: str, flow: Flow = PRODUCTS) -> dict[str, tuple[str, str | None]]:
        """State and reason of the records of a part, by key."""
        rows = ledger.read(ConnectedFlow(flow, self.settings).store, "part = ?", [part])
        return {row["key"]: (row["state"], row["reason"]) for row in rows}

    def row(self, key: str, part: str = PRODUCTS.main) -> Record:
        (found,) = ledger.read(self.connected.store, "part = ? AND key = ?", [part, key])
        return found

    def has_row(self, key: str, part: str = BLOCK) -> bool:
        return bool(ledger.read(self.connected.store, "part = ? AND key = ?", [part, key]))

    def writes_since(self, before: int) -> list[tuple[str, Any]]:
        """Verb and body of what Business Central has taken since so many writes."""
        return [(each["method"], each["body"]) for each in self.state(BC)["writes"][before:]]

    def staged(self) -> set[str]:
        with self.connected.store.open() as connection:
            return {row["_key"] for row in rows_of(connection, "FROM staging_winstore_articles")}


@contextmanager
def open_product_shop(folder: Path) -> Iterator[ProductShop]:
    """A shop without articles, until the block ends."""
    shop = ProductShop(settings_of_order_flow(folder))
    try:
        with in_process(shop.wire, shop.moment, shop.pass_time):
            yield shop
    finally:
        shop.close()


@contextmanager
def open_gone_shop(folder: Path) -> Iterator[ProductShop]:
    """Three articles that were sent, until the block ends."""
    with open_product_shop(folder) as shop:
        for key in ("1", "2", "3"):
            shop.article(key, f"S{key}")
        shop.run()
        yield shop


@pytest.fixture
def gone_shop(tmp_path: Path) -> Iterator[ProductShop]:
    with open_gone_shop(tmp_path) as shop:
        yield shop


@pytest.fixture
def product_shop(tmp_path: Path) -> Iterator[ProductShop]:
    with open_product_shop(tmp_path) as shop:
        yield shop
