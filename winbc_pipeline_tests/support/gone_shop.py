"""A shop whose articles become inactive, lose a SKU or vanish, and the items of Business Central beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows import PRODUCTS
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.retail import whole_articles
from winbc_pipeline.settings import ProductSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.flow import BLOCK
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.records.gone import reported
from winbc_pipeline.sync.run import Summary, dry_run, sync
from winbc_pipeline.sync.work import Work

from .in_process import in_process
from .order_flow import OrderFlow, settings_of_order_flow
from .order_sandboxes import BC, FIRST, LAST, Record
from .sandboxes import ARTICLE


class GoneShop(OrderFlow):
    """Articles of one SKU each and of no category. Each edit happens a second after the one before."""

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(PRODUCTS, self.settings)

    def chooses(self, choice: str) -> None:
        """What the settings say of all three."""
        chosen = ProductSettings.model_validate({"inactive": choice, "missing_sku": choice, "missing_article": choice})
        self.settings = self.settings.model_copy(update={"products": chosen})

    def article(self, key: str, *skus: str, **fields: str) -> None:
        """Puts an article into Winstore, or an edited one in its place."""
        self.pass_time(1)
        usual = ARTICLE | {"category": "", "gtin": "", "modified_at": timestamp(self.now), "article_key": key} | fields
        (record,) = whole_articles([usual | {"sku": sku} for sku in skus or ("",)])
        self.winstore_app.state.records.insert_many("articles", [(key, record)])

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
def open_gone_shop(folder: Path) -> Iterator[GoneShop]:
    """Three articles that were sent, until the block ends."""
    shop = GoneShop(settings_of_order_flow(folder))
    try:
        with in_process(shop.wire, shop.moment, shop.pass_time):
            for key in ("1", "2", "3"):
                shop.article(key, f"S{key}")
            shop.run()
            yield shop
    finally:
        shop.close()


@pytest.fixture
def gone_shop(tmp_path: Path) -> Iterator[GoneShop]:
    with open_gone_shop(tmp_path) as shop:
        yield shop
