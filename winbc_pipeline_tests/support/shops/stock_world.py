"""Both sandboxes in this process with stock, and what people on both sides do to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.bc.app import Options
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.settings import Settings, StockSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import Summary, sync
from winbc_pipeline.sync.stock.sweep import Swept, sweep
from winbc_pipeline.sync.work import Work

from ..in_process import Killed, in_process
from ..order_flow import OrderFlow, settings_of_order_flow
from ..order_sandboxes import BC, FIRST, LAST, REPOSITORY, WINSTORE, Record

TO_BC, TO_WINSTORE = "stock_winstore_to_bc", "stock_bc_to_winstore"
SKU = "SKU-1"  # the item that Business Central has from the beginning


class StockWorld(OrderFlow):
    """Stock that goes from its owner to the other side. Each act of a person happens a second after the one before."""

    def shop_has(self, sku: str = SKU, warehouse: str = "1", quantity: str = "0", reserved: str = "0") -> None:
        """Winstore's figure of a SKU in a warehouse: by a sale, a receipt, a count or a correction."""
        self.pass_time(1)
        self.shop_shows({(sku, warehouse): (quantity, reserved)})

    def shop_shows(self, figures: Mapping[tuple[str, str], tuple[object, object]]) -> None:
        """Winstore's figures (quantity, reserved) of SKUs in warehouses, all of this moment."""
        rows = []
        for (sku, warehouse), (quantity, reserved) in figures.items():
            row = {"id": f"{sku}/{warehouse}", "artkey": f"A-{sku}", "sku": sku, "gtin": "", "warehouse": warehouse}
            row |= {"managestock": "", "quantity": str(quantity), "reserved": str(reserved)}
            rows.append((row["id"], row | {"modified": timestamp(self.now)}))
        self.winstore_app.state.records.insert_many("stock", rows)

    def shop_lists(self, sku: str = SKU, category: str = "") -> None:
        """An article of Winstore, which may have no stock yet."""
        variant = {"sku": sku, "gtin": "", "title": "Mug", "color": "", "size": ""}
        article = {"artkey": f"A-{sku}", "name": "Mug", "supplierid": "1", "category": category, "active": "true"}
        article |= {"variants": [variant], "modified": timestamp(self.now)}
        self.winstore_app.state.records.insert_many("articles", [(article["artkey"], article)])

    def shop_drops(self, sku: str, warehouse: str) -> None:
        """Winstore has no row any more for a SKU in a warehouse."""
        self.winstore_app.state.records.delete("stock", f"{sku}/{warehouse}")

    def item(self, number: str = SKU, **fields: Any) -> Record:
        """Adds an item to Business Central, or changes it there."""
        there = [each for each in self.records("items") if each["number"] == number]
        if not there:
            self.add_item(number)
        if fields:
            self.pass_time(1)
            answer = self.by_person("PATCH", f"items({self.of_bc(number)['id']})", fields)
            assert answer.status_code == 200, answer.text
        return self.of_bc(number)

    def has_unit(self, unit: str, pieces: int, number: str = SKU) -> None:
        """An item of Business Central is sold in another unit, too, that holds some pieces."""
        self._control(BC, "seed", {"settings": {"items": {number: {"units": {unit: pieces}}}}})

    def of_bc(self, number: str = SKU) -> Record:
        return next(each for each in self.records("items") if each["number"] == number)

    def counted(self, quantity: float, number: str = SKU, **place: str) -> None:
        """A person in Business Central counts an item."""
        self.pass_time(1)
        self.user(do="count", item=number, quantity=quantity, **place)

    def user(self, **asked: Any) -> None:
        answer = self.http.post(f"http://127.0.0.1:{BC}/__user", json=asked)
        assert answer.status_code == 200, answer.text

    def inventory(self, number: str = SKU) -> Decimal:
        return Decimal(self.of_bc(number)["inventory"])

    def shown(self, sku: str = SKU, warehouse: str = "7") -> Decimal:
        """What Winstore shows of a SKU in a warehouse."""
        rows = self.state(WINSTORE)["records"]["stock"]
        return next(Decimal(row["quantity"]) for row in rows if (row["sku"], row["warehouse"]) == (sku, warehouse))

    def sold(self, quantity: int = 1, number: str = SKU, unit: str = "") -> Record:
        """A sales order in Business Central, released by a person."""
        self.pass_time(1)
        if not self.state(BC)["records"].get("customers"):
            self.seed(customers=[{"number": "C1", "displayName": "By hand"}])
        line: Record = {"lineType": "Item", "lineObjectNumber": number, "quantity": quantity}
        line |= {"unitOfMeasureCode": unit} if unit else {}
        answer = self.by_person("POST", "salesOrders", {"customerNumber": "C1", "salesOrderLines": [line]})
        assert answer.status_code == 201, answer.text
        self.user(do="release", id=answer.json()["id"])
        return answer.json()  # type: ignore[no-any-return]

    def owner(self, owner: str = "winstore", **chosen: Any) -> None:
        """Who owns stock, and other settings of it."""
        self.settings = self.settings.model_copy(update={"stock": StockSettings(owner=owner, **chosen)})

    def bc_owns(self, quantity: float = 10) -> None:
        """Business Central owns all stock and has counted the item, which Winstore lists."""
        self.owner("bc", warehouse="7")
        self.shop_lists()
        self.counted(quantity)

    def table(self, name: str, *rows: str) -> None:
        """The rows of a table in the folder of the lookup tables, in the place of the shipped ones."""
        self._own_tables()
        path = self.settings.mapping_folder / "lookups" / f"{name}.csv"
        head = path.read_text(encoding="utf-8").splitlines()[0]
        path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")

    def profile_has(self, lines: str) -> None:
        """A profile of the user's own: the shipped one with further lines, of which the first one is there already."""
        shipped = (REPOSITORY / "winbc_pipeline/systems/winstore/profile.toml").read_text(encoding="utf-8")
        first, path = lines.splitlines()[0], self.settings.data_folder / "profile.toml"
        assert first in shipped
        path.write_text(shipped.replace(first, lines, 1), encoding="utf-8")
        winstore = self.settings.winstore.model_copy(update={"profile": path})
        self.settings = self.settings.model_copy(update={"winstore": winstore})

    def connected(self, flow: str = TO_BC) -> ConnectedFlow:
        return ConnectedFlow(flow_named(flow), self.settings)

    def run(self, flow: str = TO_BC) -> Summary:
        """A run of one direction."""
        self.runs += 1
        return sync(Work(self.connected(flow), FIRST, LAST, f"run-{self.runs}"))

    def run_changes(self, flow: str = TO_BC) -> Summary:
        """A run of today's window, as the sensor asks for it: only what changed is read."""
        self.runs += 1
        return sync(Work(self.connected(flow), self.now.date(), LAST, f"run-{self.runs}"))

    def swept(self, flow: str = TO_BC) -> Swept:
        """A sweep of one direction."""
        self.runs += 1
        return sweep(self.connected(flow), f"sweep-{self.runs}")

    def run_dies_at(self, point: str, flow: str = TO_BC) -> bool:
        """A run that dies at a named place; returns whether it came there."""
        crash_points.armed[point] = 1
        try:
            self.run(flow)
        except Killed:
            return True
        finally:
            crash_points.armed.clear()
        return False

    def row(self, key: str = SKU, flow: str = TO_BC) -> Record:
        """The ledger's row of a SKU."""
        (found,) = ledger.read(self.connected(flow).store, "key = ?", [key])
        return found

    def told(self, key: str = SKU, flow: str = TO_BC) -> tuple[str, str | None]:
        """State and reason."""
        row = self.row(key, flow)
        return row["state"], row["reason"]

    def written(self, port: int = BC) -> list[Record]:
        """The writes that a system has taken, of the program and of people."""
        return self.state(port)["writes"]  # type: ignore[no-any-return]

    def path(self, number: str = SKU) -> str:
        return f"companies({COMPANY_ID})/items({self.of_bc(number)['id']})"


@contextmanager
def open_stock_world(folder: Path, app: bool = False, **settings: Any) -> Iterator[StockWorld]:
    """Two systems with one item, until the block ends; with the companion app if it is wanted."""
    chosen: Settings = settings_of_order_flow(folder).model_copy(update=settings)
    world = StockWorld(chosen, Options(extensions=(companion_app(),)) if app else None)
    try:
        with in_process(world.wire, world.moment, world.pass_time):
            yield world
    finally:
        world.close()


@pytest.fixture
def stock(tmp_path: Path, tables: Path) -> Iterator[StockWorld]:
    with open_stock_world(tmp_path) as made:
        yield made


@pytest.fixture
def stock_with_app(tmp_path: Path, tables: Path) -> Iterator[StockWorld]:
    with open_stock_world(tmp_path, app=True) as made:
        yield made
