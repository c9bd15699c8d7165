"""An order to Winstore that a person leaves as it is: no run sends it, and nobody is asked again until it is edited.

Source of the promise: docs/commands.md, `winbc resolve ORDER --ignore WHY`.
"""

from typing import Any

import pytest

from winbc_pipeline.errors import NotDone
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.workbench.intervention import Request, intervention

from ...support.bc_users import BcUsers
from ...support.sandboxes import Sandboxes
from .test_orders_to_winstore import FLOW, LATER, fail, only, orders, settle

pytestmark = pytest.mark.proof

KEY = "S-ORD00001"
NOT_IN_WINSTORE = {"lineObjectNumber": "SKU-9"}


@pytest.fixture
def bc_users(sandboxes: Sandboxes) -> BcUsers:
    """Drafts go to Winstore, so that a user can edit an order that was sent. SKU-9 is not in Winstore."""
    made = BcUsers(sandboxes)
    made.set_up()
    sandboxes.seed_bc(items=[{"number": "SKU-9", "displayName": "Mug", "baseUnitOfMeasureCode": "PCS"}])
    settle(sandboxes, statuses=["Draft"])
    return made


def leave(sandboxes: Sandboxes) -> None:
    """`winbc resolve S-ORD00001 --flow orders_bc_to_winstore --ignore "sold at the counter"`."""
    request = Request("ignore", (KEY,), why="sold at the counter")
    with intervention(ConnectedFlow(flow_named(FLOW), sandboxes.settings), "a person") as turn:
        turn.carry_out(request, turn.proposed(request))


def edit(bc_users: BcUsers, order: dict[str, Any]) -> None:
    """A user changes the order."""
    bc_users.at(LATER)
    bc_users.call("PATCH", f"salesOrders({order['id']})", {"shipToCity": "Gent"})


def outcome(sandboxes: Sandboxes) -> tuple[str, str, str]:
    row = only(sandboxes)
    return row["state"], row["reason"], row["message"]


def test_a_refused_order_that_is_left_stays_so_and_is_sent_once_it_is_edited(bc_users: BcUsers) -> None:
    sandboxes = bc_users.sandboxes
    order = bc_users.order(NOT_IN_WINSTORE, release=False)
    assert sandboxes.sync(FLOW).failed == 1
    leave(sandboxes)
    assert sandboxes.sync(FLOW).failed == 0
    assert outcome(sandboxes) == ("SKIPPED", "IGNORED", "sold at the counter")
    assert orders(sandboxes) == []
    sandboxes.fill(articles=[{"sku": "SKU-9", "article_key": "9"}])
    edit(bc_users, order)
    assert sandboxes.sync(FLOW).created == 1


def test_an_order_that_may_have_arrived_and_was_left_is_not_sent_when_it_is_edited(bc_users: BcUsers) -> None:
    """Winstore has no call that tells: a person is asked again."""
    sandboxes = bc_users.sandboxes
    order = bc_users.order(release=False)
    fail(sandboxes, {"kind": "drop_after"})
    sandboxes.sync(FLOW)
    assert only(sandboxes)["state"] == "NEEDS_HUMAN"
    leave(sandboxes)
    assert sandboxes.sync(FLOW).failed == 0
    edit(bc_users, order)
    sandboxes.sync(FLOW)
    assert outcome(sandboxes)[:2] == ("NEEDS_HUMAN", "NO_LOOK_UP")
    assert len(orders(sandboxes)) == 1


def test_other_decisions_about_such_an_order_name_what_is_possible(bc_users: BcUsers) -> None:
    bc_users.order(NOT_IN_WINSTORE, release=False)
    bc_users.sandboxes.sync(FLOW)
    with (
        pytest.raises(NotDone, match="writes to Winstore") as told,
        intervention(ConnectedFlow(flow_named(FLOW), bc_users.sandboxes.settings), "a person") as turn,
    ):
        turn.proposed(Request("resend", (KEY,)))
    assert "--ignore" in told.value.hint
