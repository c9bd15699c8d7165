"""Orders to Winstore after a backup was put back: Winstore has no look-up that is known to work. Row 22."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from winbc_pipeline import clock
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import dry_run, push_windows
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.keeping.backup import back_up
from winbc_pipeline.workbench.keeping.restore import restore
from winbc_pipeline.workbench.winstore_answers import note_answer

from ...support.bc_users import BcUsers
from ...support.kept_open import let_go
from ...support.sandboxes import FIRST, LAST, Sandboxes
from .test_orders_to_winstore import FLOW, orders, settle

pytestmark = pytest.mark.proof


@pytest.fixture
def restored(sandboxes: Sandboxes) -> Iterator[BcUsers]:
    """One order that was sent before the backup, one after it; the backup was put back."""
    let_go()  # files are put in the place of the databases
    made = BcUsers(sandboxes)
    made.set_up()
    made.order()
    sandboxes.sync(FLOW)
    backup = back_up(sandboxes.settings)
    made.order()
    sandboxes.sync(FLOW)
    restore(sandboxes.settings, backup)
    yield made
    assert len(orders(sandboxes)) >= 2


def tomorrow() -> str:
    """A moment after every backup of today, as Business Central writes it."""
    return (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_what_may_have_been_sent_since_the_backup_waits_for_a_person(restored: BcUsers) -> None:
    sandboxes = restored.sandboxes
    for _ in range(2):
        sandboxes.sync(FLOW)
    rows = sandboxes.ledger(FLOW)
    assert [row["state"] for row in rows.values()] == ["CONFIRMED", "NEEDS_HUMAN"]
    assert "since the backup of" in rows["S-ORD00002"]["message"]
    note_answer(ConnectedFlow(flow_named(FLOW), sandboxes.settings), "S-ORD00002", True, "a person")
    assert sandboxes.sync(FLOW).failed == 0
    assert len(orders(sandboxes)) == 2


def test_what_a_person_did_not_find_there_is_sent(restored: BcUsers) -> None:
    sandboxes = restored.sandboxes
    sandboxes.without = {"I9"}  # the person is wrong, so there are two of them
    sandboxes.sync(FLOW)
    note_answer(ConnectedFlow(flow_named(FLOW), sandboxes.settings), "S-ORD00002", False, "a person")
    assert sandboxes.sync(FLOW).created == 1


def test_it_is_found_where_winstore_can_be_asked(restored: BcUsers) -> None:
    sandboxes = restored.sandboxes
    settle(sandboxes, look_up="GetOrderChangesByDate")
    assert sandboxes.sync(FLOW).failed == 0
    row = sandboxes.ledger(FLOW)["S-ORD00002"]
    assert (row["state"], row["reason"], row["target_no"]) == ("CONFIRMED", "FOUND", "S-ORD00002")
    assert sandboxes.sync(FLOW).created == 0
    assert len(orders(sandboxes)) == 2


def test_orders_of_later_go_as_ever(restored: BcUsers) -> None:
    restored.sandboxes.sync(FLOW)
    restored.at(tomorrow())
    restored.order()
    assert restored.sandboxes.sync(FLOW).created == 1


def test_an_order_that_was_skipped_meanwhile_is_still_in_doubt(restored: BcUsers) -> None:
    """No outcome without a look-up says whether it arrived. Source: docs/operations.md, "After a restore"."""
    sandboxes = restored.sandboxes
    settle(sandboxes, statuses=("Paid",))
    sandboxes.sync(FLOW)
    assert sandboxes.ledger(FLOW)["S-ORD00002"]["reason"] == "STATUS"
    settle(sandboxes)
    sandboxes.sync(FLOW)
    assert sandboxes.ledger(FLOW)["S-ORD00002"]["state"] == "NEEDS_HUMAN"
    assert len(orders(sandboxes)) == 2


def test_a_plan_from_before_the_restore_sends_nothing(restored: BcUsers) -> None:
    sandboxes = restored.sandboxes
    restored.at(tomorrow())
    restored.order()
    connected = ConnectedFlow(flow_named(FLOW), sandboxes.settings)
    dry_run(Work(connected, FIRST, LAST, "shown"))
    backup = back_up(sandboxes.settings)
    sandboxes.sync(FLOW)
    sent = len(orders(sandboxes))
    restore(sandboxes.settings, backup)
    push_windows(Work(connected, FIRST, LAST, "push alone"))
    assert len(orders(sandboxes)) == sent
