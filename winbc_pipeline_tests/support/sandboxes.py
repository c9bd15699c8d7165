"""Both sandboxes on loopback, and a connection between them: what a test fills, runs, and looks at."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

from winbc_pipeline.flows import flow_named
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.sandbox.server import Addresses
from winbc_pipeline.settings import GuardSettings, Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.systems.business_central import BusinessCentral, Operation

from . import forked
from .order_invariants import BY_HAND, assert_invariants
from .run_invariants import assert_adds_up, assert_bounded

# One client for all tests: each new one reads the certificate authorities, which takes 40 ms.
HTTP = httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
FIRST, LAST = date(2024, 7, 1), forked.LAST
REPOSITORY = Path(__file__).parents[2]


def put_row(table: Path, row: str) -> None:
    """Puts a row into a mapping table, in the place of the field's own if it has one."""
    field = row.split(",")[0]
    others = [line for line in table.read_text(encoding="utf-8").splitlines() if line.split(",")[0] != field]
    table.write_text("\n".join([*others, row]) + "\n", encoding="utf-8")


CUSTOMER = {
    "customer_id": "000123",
    "company_name": "",
    "first_name": "Anna",
    "last_name": "O'Neil",
    "email": "anna@mail.example",
    "phone": "030-1",
    "street": "Kerkweg",
    "house_number": "7",
    "zip": "3511 AB",
    "city": "Utrecht",
    "country_iso": "NL",
    "vat_number": "",
    "created_at": "2025-01-01T00:00:00.000Z",
    "modified_at": "2026-03-01T10:00:00.000Z",
}
ARTICLE = {
    "article_key": "100001",
    "sku": "SKU-1",
    "gtin": "0100537900016",
    "name": "Mug",
    "model_name": "",
    "color": "",
    "size": "",
    "supplier_id": "1",
    "category": "Kitchen",
    "subcategory": "",
    "description": "A mug",
    "description_long": "<b>A mug</b> that lasts",
    "cost_price": "1.10",
    "price": "18.5",
    "vat_rate": "21",
    "active": "true",
    "modified_at": "2026-03-02T10:00:00.000Z",
}
ORDER = {
    "order_number": "W1",
    "order_date": "2026-03-03 09:30:00",
    "customer_id": "000123",
    "email": "anna@mail.example",
    "status": "processing",
    "branch": "2",
    "channel": "webshop",
    "currency": "EUR",
    "payment_method": "ideal",
    "shipping_method": "courier",
    "shipping_cost": "4.95",
    "ship_name": "Anna O'Neil",
    "ship_street": "Kerkweg",
    "ship_house_number": "7",
    "ship_zip": "3511 AB",
    "ship_city": "Utrecht",
    "ship_country_iso": "NL",
    "modified_at": "2026-03-03T10:00:00.000Z",
}
LINE = {
    "order_number": "W1",
    "line_number": "1",
    "sku": "SKU-1",
    "description": "Mug",
    "quantity": "2",
    "unit_price": "10",
    "discount_percent": "0",
    "vat_rate": "21",
}


GUARDS_OFF = GuardSettings(enabled=False)
"""Of tests with another subject: no run of theirs waits for an approval."""


@dataclass
class Sandboxes:
    """Both sandboxes and a connection between them."""

    addresses: Addresses
    settings: Settings
    folder: Path
    runs: int = 0
    without: Collection[str] = ()
    """Invariants of orders that a test breaks on purpose."""

    def fill(
        self,
        customers: list[dict[str, str]] | None = None,
        articles: list[dict[str, str]] | None = None,
        orders: list[dict[str, str]] | None = None,
        lines: list[dict[str, str]] | None = None,
    ) -> None:
        """Puts customers, articles and orders (retail rows, given as changes to a usual one) into Winstore. Orders
        without `lines` have one each."""
        folder = self.folder / "retail"
        rows = {
            "customers": [CUSTOMER | row for row in (customers if customers is not None else [{}])],
            "articles": [ARTICLE | row for row in (articles if articles is not None else [{}])],
        }
        for name in ("orders", "order_lines"):
            (folder / f"{name}.csv").unlink(missing_ok=True)
        if orders:
            whole = [ORDER | row for row in orders]
            each = [{"order_number": row["order_number"]} for row in whole] if lines is None else lines
            rows |= {"orders": whole, "order_lines": [LINE | row for row in each]}
        write_folder(folder, rows)
        self.seed(folder)

    def seed(self, folder: Path) -> None:
        answer = HTTP.post(f"{self.addresses.winstore_control}/__seed", json={"folder": str(folder)}, timeout=60)
        assert answer.status_code == 200, answer.text

    def sync(self, flow: str) -> Summary:
        """A run to its end; of orders, with the invariants after it."""
        self.runs += 1
        chosen, run_id = flow_named(flow), f"run-{self.runs}"
        before = len(self.calls())
        try:
            done = sync(Work(ConnectedFlow(chosen, self.settings), FIRST, LAST, run_id))
        finally:
            assert_bounded(self.calls()[before:], self.settings.bc.in_flight)
        if chosen.id == ORDERS_TO_BC.id:
            assert_adds_up(self.settings, done, run_id, FIRST, LAST)
            self.check()
        return done

    def check(self, run_ended: bool = True) -> None:
        """The invariants of orders, where orders were sent."""
        if not self.settings.flow_database(ORDERS_TO_BC.id).exists():
            return
        shop = HTTP.get(f"{self.addresses.winstore_control}/__state").json()
        assert_invariants(self.settings, self.bc(), shop, run_ended=run_ended, without=self.without)

    def set_clock(self, **moment: Any) -> None:
        """Business Central's clock, for a test that moves the program's: `now`, or `advance_s`."""
        HTTP.post(f"{self.addresses.bc_control}/__clock", json=moment).raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        """The calls to Business Central so far."""
        return HTTP.get(f"{self.addresses.bc_control}/__log").json()["calls"]  # type: ignore[no-any-return]

    def own_tables(self) -> Path:
        """Gives the connection a mapping folder of its own, to be edited."""
        folder = self.folder / "tables"
        shutil.copytree(self.settings.mapping_folder, folder)
        self.settings = self.settings.model_copy(update={"mapping_folder": folder})
        return folder

    def ledger(self, flow: str) -> dict[str, dict[str, Any]]:
        """Ledger rows of the flow's main part by key."""
        chosen = flow_named(flow)
        rows = ledger.read(ConnectedFlow(chosen, self.settings).store)
        return {row["key"]: row for row in rows if row["part"] == chosen.main}

    def bc(self) -> dict[str, Any]:
        return HTTP.get(f"{self.addresses.bc_control}/__state").json()  # type: ignore[no-any-return]

    def seed_bc(self, **entities: list[dict[str, Any]]) -> None:
        HTTP.post(f"{self.addresses.bc_control}/__seed", json={"records": entities}).raise_for_status()

    def edit_item(self, number: str, **fields: Any) -> None:
        """A user of Business Central changes an item."""
        client = BusinessCentral(self.settings)
        try:
            item = next(each for each in client.get("items") if each["number"] == number)
            operation = Operation("1", "PATCH", f"items({item['id']})", fields, item["@odata.etag"], BY_HAND)
            assert client.batch([operation])[0].status == 200
        finally:
            client.close()

    def delete_in_bc(self, entity_set: str, number: str) -> None:
        """A user of Business Central deletes a record."""
        client = BusinessCentral(self.settings)
        try:
            record = client.find(entity_set, "number", [number], False)[number][0]
            operation = Operation("1", "DELETE", f"{entity_set}({record['id']})", etag="*", request_id=BY_HAND)
            assert client.batch([operation])[0].status == 204
        finally:
            client.close()

    def fault(self, system: str, *faults: dict[str, Any]) -> None:
        control = self.addresses.bc_control if system == "bc" else self.addresses.winstore_control
        HTTP.post(f"{control}/__faults", json={"faults": list(faults)}).raise_for_status()


def start_sync(sandboxes: Sandboxes, flow: str, run_id: str) -> BaseProcess:
    """A sync in a process of its own, ten records per batch and one batch at a time, so that it can be killed."""
    return forked.start(flow, run_id, environment_of(sandboxes) | {"WINBC_BC__BATCH_SIZE": "10"})


def environment_of(sandboxes: Sandboxes) -> dict[str, str]:
    """The settings of a run in another process, which makes one call at a time."""
    return {
        "WINBC_DATA_FOLDER": str(sandboxes.settings.data_folder),
        "WINBC_MAPPING_FOLDER": str(sandboxes.settings.mapping_folder),
        "WINBC_BC__IN_FLIGHT": "1",
    }
