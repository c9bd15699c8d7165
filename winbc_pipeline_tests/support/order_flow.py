"""A world of orders with the shipped tables, for what an order becomes: its customer, header, lines and changes."""

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.sandbox.setup_data import COMPANY_NAME
from winbc_pipeline.sandbox.winstore import BASE
from winbc_pipeline.settings import BusinessCentralSettings, Settings, WinstoreSettings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.plans import planned

from .in_process import in_process
from .order_sandboxes import BC, FIRST, LAST, REPOSITORY, WINSTORE, WITH_APP, OrderSandboxes, Record
from .sandboxes import GUARDS_OFF

SEND = {"path": "$batch", "method": "POST", "nth": 2}  # the first batch makes the customer
EVEN = {"single_price": "10", "reduction": "0"}
GTIN = "0871234567890"


class OrderFlow(OrderSandboxes):
    """Runs with all tables."""

    with_app = False  # whether Business Central has the companion app

    def order(self, number: str, **changes: Any) -> Record:
        """The same, of lines that come to the same total however they are rounded."""
        lines = [EVEN | row for row in changes.pop("lines", [{}])]
        return super().order(number, lines=lines, **changes)

    def send(self, number: str = "W1", **changes: Any) -> Record:
        """Places an order, runs, and returns its ledger row."""
        self.order(number, **changes)
        self.sync()
        return self.ledger()[number]

    def outcome(self, number: str = "W1") -> tuple[str, str | None]:
        """State and reason."""
        row = self.ledger()[number]
        return row["state"], row["reason"]

    def seed(self, **records: list[Record]) -> None:
        self._control(BC, "seed", {"records": records})

    def without_templates(self) -> None:
        """The company's set-up person has chosen no templates for records made over the API."""
        self._control(BC, "seed", {"templates": {"customers": {}, "items": {}}})

    def records(self, entity_set: str) -> list[Record]:
        return self.state(BC)["records"].get(entity_set, [])  # type: ignore[no-any-return]

    def document(self, place: str = "salesOrders") -> Record:
        """The only document, with its `lines`."""
        (found,) = self.records(place)
        lines = self.records(f"{place[:-1]}Lines")
        return found | {"lines": [line for line in lines if line["documentId"] == found["id"]]}

    def log(self, port: int) -> list[tuple[str, str]]:
        """The calls to a system: verb, and path without the query."""
        return [(each["method"], each["path"].split("?")[0]) for each in self.calls(port)]

    def waiting_faults(self, port: int) -> list[Record]:
        return self._control(port, "faults")["faults"]  # type: ignore[no-any-return]

    def writes(self) -> int:
        return len(self.state(BC)["writes"])

    def act(self, action: str, place: str = "salesOrders") -> None:
        """A person ships, posts or cancels the only document."""
        answer = self.by_person("POST", f"{place}({self.document(place)['id']})/Microsoft.NAV.{action}")
        assert answer.status_code < 300, answer.text

    def planned(self) -> list[Record]:
        return planned(ConnectedFlow(ORDERS_TO_BC, self.settings), FIRST, LAST)

    def until_settled(self) -> None:
        """Runs as a sweep would, until nothing can be on its way any more."""
        for seconds in (0, 21 * 60, 61):
            self.pass_time(seconds)
            self.sync()
            if all(row["state"] not in ("PLANNED", "UNKNOWN") for row in self.ledger().values()):
                break
        self.check(settled=True)

    def edit_lookup(self, table: str, *rows: str) -> None:
        """Adds rows to a lookup table; the tables are this shop's own from now on."""
        self._own_tables()
        with (self.settings.mapping_folder / "lookups" / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{row}\n" for row in rows)

    def edit_table(self, table: str, field: str, flow: str = ORDERS_TO_BC.id, **cells: str) -> None:
        """Changes or adds a row of a mapping table; the tables are this shop's own from now on."""
        self._own_tables()
        path = self.settings.mapping_folder / flow / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = [*csv.DictReader(file)]
        usual = {"target_field": field, "source": "", "default": "", "when": "create", "required": "", "note": ""}
        if field not in {row["target_field"] for row in rows}:
            rows.append(usual)
        rows = [row | (cells if row["target_field"] == field else {}) for row in rows]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(usual))
            writer.writeheader()
            writer.writerows(rows)

    def _own_tables(self) -> None:
        if self.settings.mapping_folder == REPOSITORY / "mapping_tables":
            folder = self.settings.data_folder / "tables"
            shutil.copytree(self.settings.mapping_folder, folder)
            self.settings = self.settings.model_copy(update={"mapping_folder": folder})


def settings_of_order_flow(folder: Path) -> Settings:
    """One call in flight, so that calls come in the same order every time."""
    base, password = f"http://127.0.0.1:{BC}/BC/api/v2.0", SecretStr("sandbox-secret")
    return Settings(
        data_folder=folder,
        mapping_folder=REPOSITORY / "mapping_tables",
        history_start=FIRST,
        guards=GUARDS_OFF,
        bc=BusinessCentralSettings(base_url=base, company=COMPANY_NAME, user="winbc", password=password, in_flight=1),
        winstore=WinstoreSettings(base_url=f"http://127.0.0.1:{WINSTORE}{BASE}", user="winstore", password=password),
    )


@contextmanager
def open_order_flow(folder: Path, on_disk: bool = False, with_app: bool = False) -> Iterator[OrderFlow]:
    """A shop until the block ends; one at a time. `on_disk`: its databases are files."""
    order_flow = OrderFlow(settings_of_order_flow(folder), WITH_APP if with_app else None)
    order_flow.with_app = with_app
    try:
        with in_process(order_flow.wire, order_flow.moment, order_flow.pass_time, on_disk):
            yield order_flow
    finally:
        order_flow.close()


@pytest.fixture
def order_flow(request: pytest.FixtureRequest, tmp_path: Path, tables: Path) -> Iterator[OrderFlow]:
    """A shop; with the companion app where a test is run IN_BOTH_MODES."""
    with open_order_flow(tmp_path, with_app=getattr(request, "param", False)) as order_flow:
        yield order_flow


IN_BOTH_MODES = pytest.mark.parametrize(
    "order_flow",
    [pytest.param(False, id="without the app"), pytest.param(True, id="with the app", marks=pytest.mark.soak)],
    indirect=True,
)
