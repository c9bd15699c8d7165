"""Both sandboxes in this process with customers, and what people on both sides do to them."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.control import timestamp
from winbc_pipeline.sandbox.setup_data import COMPANY_ID
from winbc_pipeline.settings import CustomerSettings, Settings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.pairs import Pairs
from winbc_pipeline.staging.store import rows_of
from winbc_pipeline.sync import crash_points
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.plan_table import planned_rows
from winbc_pipeline.sync.run import Summary, dry_run, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.intervention import Request, intervention

from ..in_process import Killed, in_process
from ..order_flow import OrderFlow, settings_of_order_flow
from ..order_sandboxes import BC, FIRST, LAST, WINSTORE, Record

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x04\x00\x00\x00\x03\x08\x02\x00\x00\x00"
TO_BC, TO_WINSTORE = "customers_winstore_to_bc", "customers_bc_to_winstore"
CUSTOMER = {
    "company": "",
    "fname": "Anna",
    "lname": "O'Neil",
    "email": "anna@mail.example",
    "phone": "+31301234567",
    "street": "Kerkweg",
    "streetnr": "7",
    "zip": "3511 AB",
    "city": "Utrecht",
    "countryISO": "NL",
    "vatnumber": "",
}


class TwoWays(OrderFlow):
    """Customers that go both ways. Each edit happens a second after the one before."""

    def shop_has(self, key: str = "000123", **fields: str) -> None:
        """Adds a customer to Winstore."""
        self.pass_time(1)
        record = (
            CUSTOMER | {"customerid": key, "created": timestamp(self.now), "modified": timestamp(self.now)} | fields
        )
        self.winstore_app.state.records.insert_many("customers", [(key, record)])

    def in_winstore(self, key: str = "000123", **fields: str) -> None:
        """A user of Winstore changes a customer."""
        self.pass_time(1)
        known = self.winstore_app.state.records.get("customers", key)
        self.winstore_app.state.records.replace("customers", key, known | fields | {"modified": timestamp(self.now)})

    def in_bc(self, number: str = "WS000123", **fields: Any) -> None:
        """A user of Business Central changes a customer."""
        self.pass_time(1)
        answer = self.by_person("PATCH", f"customers({self.of_bc(number)['id']})", fields)
        assert answer.status_code == 200, answer.text

    def bc_has(self, number: str, **fields: Any) -> None:
        """A user of Business Central makes a customer."""
        self.pass_time(1)
        body = {"number": number, "displayName": "Bea Klein", "type": "Person"} | fields
        answer = self.by_person("POST", "customers", body)
        assert answer.status_code == 201, answer.text

    def renumbered(self, old: str, new: str) -> None:
        """A user of Business Central gives a customer another number."""
        self.pass_time(1)
        answer = self.by_person("PATCH", f"customers({self.of_bc(old)['id']})", {"number": new})
        assert answer.status_code == 200, answer.text

    def deleted_in_bc(self, number: str = "WS000123") -> None:
        self.by_person("DELETE", f"customers({self.of_bc(number)['id']})")

    def pictured_in_bc(self, number: str = "WS000123") -> None:
        """A user of Business Central gives a customer a picture."""
        path = f"companies({COMPANY_ID})/customers({self.of_bc(number)['id']})/picture/pictureContent"
        answer = self.http.patch(f"http://127.0.0.1:{BC}/BC/api/v2.0/{path}", content=PNG, headers={"If-Match": "*"})
        assert answer.status_code < 300, answer.text

    def of_shop(self, key: str = "000123") -> Record:
        return next(each for each in self.state(WINSTORE)["records"]["customers"] if each["customerid"] == key)

    def of_bc(self, number: str = "WS000123") -> Record:
        return next(each for each in self.records("customers") if each["number"] == number)

    def writes(self) -> int:
        """How many writes of the program and of people both systems have taken."""
        return len(self.state(BC)["writes"]) + len(self.state(WINSTORE)["writes"])

    def run(self, flow: str) -> Summary:
        """A run of one direction."""
        self.runs += 1
        return sync(Work(ConnectedFlow(flow_named(flow), self.settings), FIRST, LAST, f"run-{self.runs}"))

    def passes(self) -> tuple[Summary, Summary]:
        """One run in each direction."""
        return self.run(TO_BC), self.run(TO_WINSTORE)

    def run_dies_at(self, flow: str, point: str) -> bool:
        """A run that dies at a named place; returns whether it came there."""
        crash_points.armed[point] = 1
        try:
            self.run(flow)
        except Killed:
            return True
        finally:
            crash_points.armed.clear()
        return False

    def rows(self, flow: str) -> dict[str, Record]:
        """The ledger's rows of the main part, by key."""
        chosen = flow_named(flow)
        rows = ledger.read(ConnectedFlow(chosen, self.settings).store, "part = ?", [chosen.main])
        return {row["key"]: row for row in rows}

    def settle(self, flow: str, how: str, key: str = "000123", number: str = "") -> None:
        """A person decides, as with `winbc resolve`."""
        request = Request(how, (key,), number=number, why="so")  # type: ignore[arg-type]
        with intervention(ConnectedFlow(flow_named(flow), self.settings), "by hand") as turn:
            turn.carry_out(request, turn.proposed(request))

    def reasons_by_hand(self, flow: str) -> list[str | None]:
        """The reasons of what a person's decisions did to records, in their order."""
        with ConnectedFlow(flow_named(flow), self.settings).store.open() as connection:
            events = "SELECT reason FROM ledger_event WHERE run_id LIKE 'by hand%' ORDER BY moved_at"
            return [row["reason"] for row in rows_of(connection, events)]

    def winstore_clock(self, ahead: timedelta) -> None:
        """Sets Winstore's clock ahead of the others, until time passes."""
        self._control(WINSTORE, "clock", {"now": (self.now + ahead).isoformat()})

    def own(self, flow: str, table: str, field: str, owner: str) -> None:
        """Names the owner of a field in a mapping table; the tables are this shop's own from now on."""
        self._own_tables()
        path = self.settings.mapping_folder / flow / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], "owner"])
            writer.writeheader()
            writer.writerows(row | {"owner": owner if row["target_field"] == field else ""} for row in rows)


def partners(two_ways: TwoWays) -> list[tuple[str, str]]:
    """Winstore's id and Business Central's number of each pair of customers."""
    with Pairs(two_ways.settings, "customers").opened() as connection:
        rows = rows_of(connection, "SELECT winstore_key, bc_no FROM pair WHERE part = 'customer' ORDER BY 1")
    return [(row["winstore_key"], row["bc_no"]) for row in rows]


def outcome(two_ways: TwoWays, flow: str, key: str) -> tuple[str, str | None]:
    """State and reason of a record."""
    row = two_ways.rows(flow)[key]
    return row["state"], row["reason"]


def planned_of(two_ways: TwoWays, flow: str) -> dict[str, tuple[str, str | None]]:
    """What a run of one direction would do, and why, by key. It writes nothing."""
    work = Work(ConnectedFlow(flow_named(flow), two_ways.settings), FIRST, LAST, "dry")
    dry_run(work)
    return {row["key"]: (row["action"], row["reason"]) for row in planned_rows(work, work.flow.main)}


@contextmanager
def open_two_ways(folder: Path, on_disk: bool = False, **settings: Any) -> Iterator[TwoWays]:
    """Two empty systems whose customers go both ways, until the block ends. `on_disk`: the databases are files."""
    chosen: Settings = settings_of_order_flow(folder).model_copy(
        update={"customers": CustomerSettings(direction="both"), **settings}
    )
    two_ways = TwoWays(chosen)
    try:
        with in_process(two_ways.wire, two_ways.moment, two_ways.pass_time, on_disk):
            yield two_ways
    finally:
        two_ways.close()


@pytest.fixture
def two_ways(tmp_path: Path, tables: Path) -> Iterator[TwoWays]:
    with open_two_ways(tmp_path) as made:
        yield made
