"""Both sandboxes in this process with a few products and customers, and what shops, people and time do to them."""

import itertools
import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox import winstore
from winbc_pipeline.sandbox.bc import app as business_central
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.retail import order_total
from winbc_pipeline.sandbox.setup_data import COMPANY_ID, COMPANY_NAME
from winbc_pipeline.settings import BusinessCentralSettings, OrderSettings, Settings, WinstoreSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.work import Work

from .in_process import START, Killed, Wire, in_process
from .order_invariants import BY_HAND, assert_invariants, reference_of
from .run_invariants import assert_adds_up, assert_bounded
from .sandboxes import GUARDS_OFF

Record = dict[str, Any]
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
BC, WINSTORE = 7048, 8080
LINE_FIELDS = ("lineType", "lineObjectNumber", "quantity", "unitPrice")
REPOSITORY = Path(__file__).parents[2]
KNOWN_SKU, LATER_SKU = "SKU-1", "SKU-LATER"
POSITION = {"product_id": KNOWN_SKU, "description": "Mug", "amount": "2", "single_price": "9.95", "reduction": "5"}
ADDRESS = {"name": "Anna Groen", "street": "Kerkweg", "streetnr": "7", "zip": "3511 AB", "city": "Utrecht"}
ORDER = {
    "orderdate": "2026-03-10 09:30:00",
    "customerid": "605254",
    "email": "anna@mail.example",
    "status": "paid",
    "branch": "2",
    "channel": "webshop",
    "currency": "EUR",
    "paymentmethod": "ideal",
    "shippingmethod": "courier",
    "shippingcost": "4.95",
    "delivery_add": ADDRESS | {"countryISO": "NL"},
}
LINE = ("amount", "single_price", "reduction", "vatrate")
WITH_APP = business_central.Options(extensions=(companion_app(),))
NEEDED = {
    "customer": ("number", "displayName", "email"),
    "contact": ("number", "displayName"),
    "order": ("externalDocumentNumber", "orderDate", "shipToCity", "pricesIncludeTax", "expectedTotal"),
    "order_line": (*LINE_FIELDS, "discountPercent", "taxCode", "vatPercent"),
    "shipping": (*LINE_FIELDS, "vatPercent"),
}


def plain_tables(folder: Path) -> Path:
    """The shipped tables without what no test of the protocol needs: they map four times as fast."""
    shutil.copytree(REPOSITORY / "mapping_tables", folder)
    for table, fields in NEEDED.items():
        path = folder / ORDERS_TO_BC.id / f"{table}.csv"
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([head, *(row for row in rows if row.split(",")[0] in fields)]), encoding="utf-8")
    return folder


def settings_in(folder: Path, tables: Path, **bc: Any) -> Settings:
    """One call in flight, so that calls come in the same order every time."""
    base, password = f"http://127.0.0.1:{BC}/BC/api/v2.0", SecretStr("sandbox-secret")
    calls = {"in_flight": 1, "batch_size": 3} | bc
    return Settings(
        data_folder=folder,
        mapping_folder=tables,
        history_start=FIRST,
        guards=GUARDS_OFF,
        bc=BusinessCentralSettings(base_url=base, company=COMPANY_NAME, user="winbc", password=password, **calls),
        winstore=WinstoreSettings(
            base_url=f"http://127.0.0.1:{WINSTORE}{winstore.BASE}", user="winstore", password=password
        ),
    )


class OrderSandboxes:
    """Winstore, Business Central, a person at each of them, and the program between.

    `without` names invariants that a test breaks on purpose.
    """

    without: Collection[str] = ()

    def __init__(self, settings: Settings, options: business_central.Options | None = None) -> None:
        self.settings, self.now, self.runs, self.acts = settings, START, 0, itertools.count(1)
        self.bc_is_late = timedelta(0)
        self.bc_app, self.winstore_app = business_central.create_app(None, options), winstore.create_app()
        self.wire = Wire({BC: self.bc_app, WINSTORE: self.winstore_app})
        self.http = httpx.Client(transport=self.wire, auth=("winbc", "sandbox-secret"))
        self._tick()
        self.add_item(KNOWN_SKU)

    def close(self) -> None:
        for app in (self.bc_app, self.winstore_app):
            app.state.records.db.close()
        self.wire.loop.close()

    # Time.

    def pass_time(self, seconds: float) -> None:
        """All three clocks go on; what a sandbox put off is done when its moment comes."""
        self.wire.wait(seconds, self._tick)

    def _tick(self) -> None:
        self.now = START + timedelta(seconds=self.wire.loop.seconds)
        for port, now in ((BC, self.now - self.bc_is_late), (WINSTORE, self.now)):
            self._control(port, "clock", {"now": now.isoformat()})

    @contextmanager
    def committed_late(self, minutes: int) -> Iterator[None]:
        """What Business Central writes inside the block has a moment of some minutes ago, as in a long transaction."""
        self.bc_is_late = timedelta(minutes=minutes)
        yield
        self.bc_is_late = timedelta(0)
        self._tick()

    def moment(self) -> datetime:
        return self.now

    # Winstore.

    def order(self, number: str, **changes: Any) -> Record:
        """Adds an order, or replaces it by an edited one; its total is what its lines come to."""
        positions = [POSITION | {"linenr": str(n), "vatrate": "21"} | row for n, row in enumerate(_rows(changes), 1)]
        record = ORDER | {"id": number, "ordernr": number, "positions": positions} | changes
        record |= {"modified": changes.get("modified") or timestamp(self.now)}
        record["total"] = changes.get("total") or order_total(record)
        self.winstore_app.state.records.insert_many("orders", [(number, record)])
        return record

    def edit(self, number: str, **changes: Any) -> None:
        """Changes an order that is there, a second later: fields of it, or of its first line (LINE)."""
        self.pass_time(1)
        record = dict(self.winstore_app.state.records.get("orders", number))
        line = {name: changes.pop(name) for name in LINE if name in changes}
        record["positions"] = [record["positions"][0] | line, *record["positions"][1:]]
        record |= changes | {"modified": timestamp(self.now)}
        record["total"] = order_total(record)
        self.winstore_app.state.records.replace("orders", number, record)

    def lose_always(self, times: int = 5) -> None:
        """The call with documents is cut off and not run, as often as the program makes it."""
        for _ in range(times):
            first = 1 if self.state(BC)["records"].get("customers") else 2  # the first batch makes the customer
            self.fault(BC, {"kind": "drop_before", "path": "$batch", "nth": first})
            self.sync()
            self.fault(BC)
            self.pass_time(21 * 60)
            self.sync()
            self.pass_time(2 * 60)

    # Business Central.

    def add_item(self, number: str) -> None:
        item = {"number": number, "displayName": "Mug", "type": "Inventory", "unitPrice": 10, "taxGroupCode": "VAT21"}
        self._control(BC, "seed", {"records": {"items": [item | {"baseUnitOfMeasureCode": "PCS"}]}})

    def removes_item(self, number: str) -> None:
        """A person deletes an item."""
        found = [item for item in self.state(BC)["records"]["items"] if item["number"] == number]
        assert self.by_person("DELETE", f"items({found[0]['id']})").status_code == 204

    def seed_app(self, step: Record) -> None:
        """Installs or uninstalls an app (a member of `extensions`, docs/sandbox.md)."""
        self._control(BC, "seed", {"extensions": [step]})

    def has_item(self, number: str) -> None:
        """Adds an item unless it is there."""
        if all(item["number"] != number for item in self.state(BC)["records"]["items"]):
            self.add_item(number)

    def documents(self, number: str) -> list[Record]:
        """The open sales orders that have an order's reference."""
        wanted = reference_of(number)
        orders = self.state(BC)["records"].get("salesOrders", [])
        return [each for each in orders if each["externalDocumentNumber"] == wanted]

    def lines(self, number: str) -> list[Record]:
        """The lines of the open sales orders that have an order's reference."""
        ids = {each["id"] for each in self.documents(number)}
        return [line for line in self.state(BC)["records"].get("salesOrderLines", []) if line["documentId"] in ids]

    def by_person(self, method: str, path: str, body: Record | None = None) -> httpx.Response:
        """A call that no planned fault befalls, marked as a person's."""
        planned = self._control(BC, "faults")["faults"]
        self.fault(BC)
        headers = {"client-request-id": f"{BY_HAND}-{next(self.acts)}", "If-Match": "*"}
        url = f"http://127.0.0.1:{BC}/BC/api/v2.0/companies({COMPANY_ID})/{path}"
        answer = self.http.request(method, url, json=body, headers=headers)
        self.fault(BC, *planned)
        return answer

    def types(self, number: str) -> None:
        """A person types a document with the order's reference."""
        found = self.state(BC)["records"].get("customers", [])
        if not found:
            self._control(BC, "seed", {"records": {"customers": [{"number": "C1", "displayName": "By hand"}]}})
        customer = found[0]["number"] if found else "C1"
        line = {"lineType": "Item", "lineObjectNumber": KNOWN_SKU, "quantity": 1}
        body = {"customerNumber": customer, "externalDocumentNumber": reference_of(number), "salesOrderLines": [line]}
        assert self.by_person("POST", "salesOrders", body).status_code == 201

    def posts(self, number: str) -> None:
        for each in self.documents(number):
            self.by_person("POST", f"salesOrders({each['id']})/Microsoft.NAV.shipAndInvoice")

    def deletes(self, number: str) -> None:
        for each in self.documents(number):
            self.by_person("DELETE", f"salesOrders({each['id']})")

    def releases(self, number: str) -> None:
        for each in self.documents(number):
            self._in_client({"do": "release", "id": each["id"]})

    def ships(self, number: str) -> None:
        """One piece of the first line; refused once all is shipped."""
        for line in self.lines(number)[:1]:
            self._in_client({"do": "ship", "id": line["documentId"], "quantities": {line["id"]: 1}})

    def _in_client(self, body: Record) -> None:
        self.http.post(f"http://127.0.0.1:{BC}/__user", json=body)

    # The program.

    def fault(self, port: int, *faults: Record) -> None:
        self._control(port, "faults", {"faults": list(faults)})

    def sync(self, settled: bool = False) -> Summary:
        """A run to its end, and the invariants after it."""
        self.runs += 1
        before, run_id = [len(self.calls(port)) for port in (BC, WINSTORE)], f"run-{self.runs}"
        try:
            summary = sync(Work(ConnectedFlow(ORDERS_TO_BC, self.settings), FIRST, LAST, run_id))
        finally:
            for port, count in zip((BC, WINSTORE), before, strict=True):
                assert_bounded(self.calls(port)[count:], self.settings.bc.in_flight)
        assert_adds_up(self.settings, summary, run_id, FIRST, LAST)
        self.check(settled=settled)
        return summary

    def choose(self, **chosen: Any) -> None:
        """Settings of orders."""
        self.settings = self.settings.model_copy(update={"orders": OrderSettings(**chosen)})

    def call(self, **chosen: Any) -> None:
        """Settings of the calls to Business Central."""
        self.settings = self.settings.model_copy(update={"bc": self.settings.bc.model_copy(update=chosen)})

    def dies_at(self, point: str) -> bool:
        """A run that dies at a named place; returns whether it came there."""
        crash_points.armed[point] = 1
        try:
            self.sync()
        except Killed:
            self.check(run_ended=False)
            return True
        finally:
            crash_points.armed.clear()
        return False

    def check(self, run_ended: bool = True, settled: bool = False) -> None:
        states = (self.state(BC), self.state(WINSTORE))
        assert_invariants(self.settings, *states, run_ended=run_ended, settled=settled, without=self.without)

    def state(self, port: int) -> Record:
        return json.loads(self._get(port, "__state"), parse_float=Decimal)  # type: ignore[no-any-return]

    def calls(self, port: int) -> list[Record]:
        """The calls to a system so far."""
        return self._control(port, "log")["calls"]  # type: ignore[no-any-return]

    def ledger(self) -> dict[str, Record]:
        """Rows of the orders by number."""
        rows = ledger.read(ConnectedFlow(ORDERS_TO_BC, self.settings).store, "part = ?", [ORDERS_TO_BC.main])
        return {row["key"]: row for row in rows}

    def events(self) -> list[Record]:
        """What the ledger noted of orders, oldest first."""
        with ConnectedFlow(ORDERS_TO_BC, self.settings).store.open() as connection:
            return rows_of(connection, "FROM ledger_event WHERE part = ? ORDER BY rowid", [ORDERS_TO_BC.main])

    def execute(self, sql: str) -> None:
        """SQL in the flow's database."""
        with ConnectedFlow(ORDERS_TO_BC, self.settings).store.open() as connection:
            connection.execute(sql)

    def _control(self, port: int, name: str, body: Record | None = None) -> Any:
        if body is None:
            return json.loads(self._get(port, f"__{name}"), parse_float=Decimal)
        answer = self.http.post(f"http://127.0.0.1:{port}/__{name}", content=json.dumps(body, default=float))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _get(self, port: int, path: str) -> bytes:
        return self.http.get(f"http://127.0.0.1:{port}/{path}").content


def _rows(changes: Record) -> list[Record]:
    """The order's lines as changes to the usual one."""
    return changes.pop("lines", [{}])


@contextmanager
def order_sandboxes(
    folder: Path, tables: Path, options: business_central.Options | None = None, on_disk: bool = False, **bc: Any
) -> Iterator[OrderSandboxes]:
    """A fresh world until the block ends. `on_disk`: the databases are files."""
    sandboxes = OrderSandboxes(settings_in(folder, tables, **bc), options)
    try:
        with in_process(sandboxes.wire, sandboxes.moment, sandboxes.pass_time, on_disk):
            yield sandboxes
    finally:
        sandboxes.close()
