"""Winstore's stock as a target. Winstore has no call for the stock of many SKUs, so a copy of its figures is kept.

Each look reads only what changed since the last one, in one call: the copy is what Winstore shows at that moment.
Only the warehouse of the setting `stock.warehouse` is written.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from ... import clock
from ...settings import Settings
from ...staging.gather import last_whole, note_whole
from ...staging.gone import create as create_notes
from ...staging.gone import gone_table, note_absent
from ...staging.load import StagingTable, create, load
from ...staging.progress import Progress, last_asked
from ...staging.store import Store, quote, rows_of
from ...systems.winstore.client import as_lines
from ..reading.stage import BEGINNING
from ..records.special.stocked import OTHER_OWNER
from ..records.target.winstore_target import Record, WinstoreRecords
from . import rules

ENTITY, COPY = "stock", "copy_of_stock"
OVERLAP = timedelta(seconds=2)  # Winstore answers in whole seconds
AT_ONCE = 20  # figures between two looks at what Winstore shows


class WinstoreStock(WinstoreRecords):
    """The stock of one Winstore. The id of a figure is its SKU and its warehouse: `SKU-1/7`."""

    batch_size = AT_ONCE

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.lock = Lock()  # several calls in flight look at the copy
        self.store = Store.of(settings, settings.flow_database(COPY))
        profile = self.winstore.profile.entity(ENTITY)
        self.table = StagingTable(COPY, dict(profile.fields), profile.key, profile.modified, watched=True)

    def refresh(self, whole: bool = False) -> int:
        """Reads what changed since the last look, or everything; returns how many calls it took."""
        asked, began = last_asked(self.store, COPY), clock.now()
        whole = whole or asked is None or last_whole(self.store, COPY) is None
        since = BEGINNING if whole or asked is None else asked - OVERLAP
        calls = 0
        progress = Progress(self.store, COPY, "")

        def pages() -> Iterator[bytes]:
            nonlocal calls
            for rows in self.winstore.changed_since(ENTITY, since):
                calls += 1
                yield as_lines(rows)

        load(self.store, self.table, pages(), began)
        progress.end(began + self.winstore.ahead)
        if whole:
            note_absent(self.store, COPY, "", self.table.modified, BEGINNING, began.date())
            note_whole(self.store, COPY, began)
        return calls

    def last_whole(self) -> datetime | None:
        """When all figures were last read."""
        return last_whole(self.store, COPY)

    def figures(self, skus: Collection[str] | None = None) -> list[Record]:
        """The rows of the copy of some SKUs (in small letters), or all.

        Their fields: `sku, warehouse, quantity, reserved, managestock, modified`.
        """
        with self.store.open() as connection:
            create(connection, self.table)
            create_notes(connection, COPY)
            return rows_of(
                connection,
                f"""
                SELECT sku, warehouse, quantity, reserved, managestock, modified
                FROM {quote(COPY)}
                WHERE (? OR lower(sku) IN (SELECT unnest(?::VARCHAR[])))
                AND _key NOT IN (SELECT key FROM {quote(gone_table(COPY))})
                ORDER BY _key
                """,
                [skus is None, list(skus or [])],
            )

    def find(
        self, entity: str, field: str, keys: Iterable[str], ignore_case: bool, select: Collection[str] = ()
    ) -> dict[str, list[Record]]:
        """The figures of SKUs (`sku`), or of SKUs and warehouses (`id`), as Winstore shows them now."""
        wanted = {key for key in keys if key}
        with self.lock:
            self.refresh()
        skus = {(key.rpartition("/")[0] if field == "id" else key).lower() for key in wanted}
        by_sku: dict[str, list[Record]] = {}
        for row in self.figures(skus):
            by_sku.setdefault(row["sku"], []).append(row)
        found = [figure for sku, rows in by_sku.items() for figure in self._figures(sku, rows)]
        found += self._without_stock(skus - {each["sku"].lower() for each in found})
        listed: dict[str, list[Record]] = {}
        for each in found:
            listed.setdefault(each[field].lower() if ignore_case else each[field], []).append(each)
        return {key: listed[key] for key in wanted if key in listed}

    def _without_stock(self, skus: Collection[str]) -> list[Record]:
        """The figures of articles that have no stock anywhere yet."""
        if not skus or not self.winstore.can_find("articles", "sku"):
            return []
        articles = self.winstore.find("articles", "sku", skus, True)
        return [self._named(row["sku"]) for rows in articles.values() for row in rows]

    def _figures(self, sku: str, rows: list[Record]) -> list[Record]:
        """The figure of a SKU in the warehouse that is written, made of its rows in all warehouses."""
        here = [row for row in rows if row["warehouse"] == self.settings.stock.warehouse]
        owners = {self._owner(row["warehouse"]) for row in rows}
        if here or "winstore" not in owners:
            return [self._named(sku) | row for row in here] or [self._named(sku)]
        return [self._named(sku) | {OTHER_OWNER: True}]

    def _owner(self, warehouse: str) -> str:
        group = rules.group_of(self.settings, warehouse)
        return rules.owner_of(self.settings, group) if group else ""

    def _named(self, sku: str) -> Record:
        warehouse = self.settings.stock.warehouse
        place = f"{sku}/{warehouse}"
        return {"id": place, "number": place, "sku": sku, "warehouse": warehouse, "quantity": None}

    def _with_key(self, entity: str, fields: Mapping[str, Any], key: str) -> Record:
        sku, _, warehouse = key.rpartition("/")
        return {**fields, "sku": sku, "warehouse": warehouse}

    def _key_of(self, entity: str, fields: Mapping[str, Any]) -> str:
        return f"{fields['sku']}/{fields['warehouse']}"
