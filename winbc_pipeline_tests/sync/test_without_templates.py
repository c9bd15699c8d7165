"""Every flow against a company whose set-up person has chosen no templates for customers or items made over the API.

What Business Central takes arrives. What it refuses is FAILED with the reason CUSTOMER_GROUP or ITEM_GROUP and says
which template to choose. Once a person has done that, the rerun of the red window makes all of it green.

Source: rules.md, posting groups [S]: no document takes a customer or an item without them; API v2.0 sets none on a
customer.
"""

from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.sandbox.setup_data import TEMPLATES
from winbc_pipeline.settings import Settings

from ..support.bc_users import BcUsers
from ..support.flow_cases import FLOW_CASES
from ..support.sandboxes import HTTP, Sandboxes

pytestmark = pytest.mark.proof

NO_TEMPLATES: tuple[str, ...] = ("customers", "items")
MISSING = [NO_TEMPLATES, ("customers",), ("items",)]
ORDERS, STATUS = "orders_winstore_to_bc", "order_status_winstore_to_bc"
SET_UP = ("customers_winstore_to_bc", "products_winstore_to_bc")
GROUPS = ("generalProductPostingGroupCode", "inventoryPostingGroupCode")
TEMPLATE = "In API Setup, choose a template for the table {0} that sets {1}; then set it on this {0}"
ADVICE = {
    "CUSTOMER_GROUP": TEMPLATE.format("Customer", "Gen. Bus. Posting Group"),
    "ITEM_GROUP": TEMPLATE.format("Item", "Gen. Prod. Posting Group"),
}
Outcome = tuple[str, str | None]


class Shop:
    """A shop whose tables leave posting groups to templates, and a company that lacks some of these."""

    def __init__(self, sandboxes: Sandboxes, missing: tuple[str, ...]) -> None:
        self.sandboxes, self.missing = sandboxes, missing
        self._leave_groups_to_templates()
        self.seed(templates=dict.fromkeys(missing, {}))

    def _leave_groups_to_templates(self) -> None:
        path = self.sandboxes.own_tables() / "products_winstore_to_bc" / "item.csv"
        rows = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(row for row in rows if not row.startswith(GROUPS)), encoding="utf-8")

    def seed(self, **body: Any) -> None:
        HTTP.post(f"{self.sandboxes.addresses.bc_control}/__seed", json=body).raise_for_status()

    def choose(self, **orders: Any) -> None:
        self.sandboxes.settings = Settings(**dict(self.sandboxes.settings) | {"orders": orders})

    def outcomes(self, flow: str) -> dict[str, Outcome]:
        """State and reason of each record after a run."""
        self.sandboxes.sync(flow)
        return {key: (row["state"], row["reason"]) for key, row in self.sandboxes.ledger(flow).items()}

    def person_sets_it_up(self) -> None:
        """Chooses the templates, and fills in the posting groups of what was made without."""
        self.seed(templates={name: TEMPLATES[name] for name in self.missing})
        records = self.sandboxes.bc()["records"]
        cards = {each["number"]: TEMPLATES["customers"] for each in records.get("customers", [])}
        self.seed(settings={"customers": cards})
        for item in records.get("items", []):
            BcUsers(self.sandboxes).call("PATCH", f"items({item['id']})", TEMPLATES["items"])


@pytest.fixture(params=MISSING, ids=" and ".join)
def shop(sandboxes: Sandboxes, request: pytest.FixtureRequest) -> Shop:
    return Shop(sandboxes, request.param)


def with_goods(shop: Shop, **order: str) -> None:
    """Customers and articles, sent to Business Central, and an order of each of two customers, one a company."""
    second = {"customer_id": "124", "email": "b@mail.example", "company_name": "Baker BV"}
    orders = [{"order_number": "W1"}, {"order_number": "W2", "customer_id": "124", "email": "b@mail.example"}]
    shop.sandboxes.fill(customers=[{}, second], orders=[row | order for row in orders])
    for flow in SET_UP:
        assert set(shop.outcomes(flow).values()) == {("CONFIRMED", None)}


@pytest.mark.parametrize("flow", [flow.id for flow in FLOWS if flow.id != ORDERS and flow.is_on(Settings())])
def test_a_flow_that_makes_no_document_needs_no_template(shop: Shop, flow: str) -> None:
    """Master data is taken without posting groups; documents that people made have those of their records."""
    FLOW_CASES[flow].fill(shop.sandboxes, False)
    assert {state for state, _ in shop.outcomes(flow).values()} == {"CONFIRMED"}


@pytest.mark.parametrize("document", ["order", "invoice"])
def test_an_order_is_refused_with_the_group_and_is_made_once_a_person_has_set_it_up(shop: Shop, document: str) -> None:
    shop.choose(document=document)
    with_goods(shop)
    reason = "CUSTOMER_GROUP" if "customers" in shop.missing else "ITEM_GROUP"
    assert shop.outcomes(ORDERS) == dict.fromkeys(("W1", "W2"), ("FAILED", reason))
    messages = [row["message"] for row in shop.sandboxes.ledger(ORDERS).values()]
    assert all(ADVICE[reason] in message for message in messages), messages
    shop.person_sets_it_up()
    assert shop.outcomes(ORDERS) == dict.fromkeys(("W1", "W2"), ("CONFIRMED", None))


def test_one_cause_after_the_other_is_told(sandboxes: Sandboxes) -> None:
    """The customer is checked first; once he has his groups, the item is told."""
    shop = Shop(sandboxes, NO_TEMPLATES)
    with_goods(shop)
    assert set(shop.outcomes(ORDERS).values()) == {("FAILED", "CUSTOMER_GROUP")}
    cards = {each["number"]: TEMPLATES["customers"] for each in sandboxes.bc()["records"]["customers"]}
    shop.seed(settings={"customers": cards})
    assert set(shop.outcomes(ORDERS).values()) == {("FAILED", "ITEM_GROUP")}
    shop.person_sets_it_up()
    assert set(shop.outcomes(ORDERS).values()) == {("CONFIRMED", None)}


def test_an_order_makes_its_customer_who_is_refused_and_used_once_he_is_set_up(sandboxes: Sandboxes) -> None:
    """The orders make both customers; neither is made a second time."""
    shop = Shop(sandboxes, ("customers",))
    sandboxes.fill(orders=[{"order_number": "W1"}, {"order_number": "W2", "customer_id": "9", "email": "x@y.example"}])
    shop.outcomes("products_winstore_to_bc")
    assert set(shop.outcomes(ORDERS).values()) == {("FAILED", "CUSTOMER_GROUP")}
    shop.person_sets_it_up()
    assert set(shop.outcomes(ORDERS).values()) == {("CONFIRMED", None)}
    assert [each["number"] for each in sandboxes.bc()["records"]["customers"]] == ["WS000123", "WS9"]


def test_a_default_debtor_stands_in_for_customers_and_not_for_items(shop: Shop) -> None:
    shop.choose(default_customer="SHOP")
    shop.sandboxes.seed_bc(customers=[{"number": "SHOP", "displayName": "Counter sales", "type": "Company"}])
    with_goods(shop)
    expected: Outcome = ("FAILED", "ITEM_GROUP") if "items" in shop.missing else ("CONFIRMED", None)
    assert set(shop.outcomes(ORDERS).values()) == {expected}
    shop.person_sets_it_up()
    assert set(shop.outcomes(ORDERS).values()) == {("CONFIRMED", None)}


def test_a_status_waits_for_its_document_and_is_done_once_a_person_has_set_it_up(shop: Shop) -> None:
    with_goods(shop, status="completed")
    assert {state for state, _ in shop.outcomes(ORDERS).values()} == {"FAILED"}
    assert set(shop.outcomes(STATUS).values()) == {("SKIPPED", "NO_DOCUMENT")}
    shop.person_sets_it_up()
    assert set(shop.outcomes(ORDERS).values()) == {("CONFIRMED", None)}
    assert set(shop.outcomes(STATUS).values()) == {("CONFIRMED", None)}
    assert len(shop.sandboxes.bc()["records"]["salesInvoices"]) == 2


def test_an_edit_that_adds_an_item_without_groups_is_applied_once_a_person_has_set_it_up(sandboxes: Sandboxes) -> None:
    shop = Shop(sandboxes, ("items",))
    shop.choose(on_change="apply")
    sandboxes.seed_bc(items=[{"number": "SKU-1", "displayName": "Mug", "taxGroupCode": "VAT21"}])
    sandboxes.fill(articles=[{"sku": "SKU-2"}], orders=[{"order_number": "W1"}])
    shop.outcomes("products_winstore_to_bc")
    assert shop.outcomes(ORDERS) == {"W1": ("CONFIRMED", None)}
    lines = [{"order_number": "W1"}, {"order_number": "W1", "line_number": "2", "sku": "SKU-2"}]
    sandboxes.fill(orders=[{"order_number": "W1", "modified_at": "2026-03-04T10:00:00.000Z"}], lines=lines)
    assert shop.outcomes(ORDERS) == {"W1": ("CONFLICT", "ITEM_GROUP")}
    shop.person_sets_it_up()
    assert shop.outcomes(ORDERS) == {"W1": ("CONFIRMED", "CHANGED")}


def test_the_red_window_says_which_template_and_its_rerun_is_green(sandboxes: Sandboxes, tmp_path: Path) -> None:
    shop = Shop(sandboxes, ("customers",))
    with_goods(shop)
    day = FLOW_CASES[ORDERS].day
    job = build_defs(settings=sandboxes.settings).resolve_job_def(ORDERS)
    tags = range_tags(day, day, sandboxes.settings)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
        assert failure is not None
        said = failure.description or ""
        assert "CUSTOMER_GROUP" in said
        assert "choose a template with posting groups for the table Customer" in said
        shop.person_sets_it_up()
        assert job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success


def test_many_refused_orders_stop_the_run_with_the_group_and_the_rerun_sends_all(sandboxes: Sandboxes) -> None:
    """`orders.stop_after`: the cause is one, so the run does not ask for each of hundreds."""
    shop = Shop(sandboxes, ("customers",))
    numbers = [f"W{number}" for number in range(1, 41)]
    sandboxes.settings = Settings(**dict(sandboxes.settings) | {"orders": {"batch_size": 5, "stop_after": 10}})
    sandboxes.fill(orders=[{"order_number": number} for number in numbers])
    shop.outcomes("products_winstore_to_bc")
    first = shop.outcomes(ORDERS)
    assert set(first.values()) <= {("FAILED", "CUSTOMER_GROUP"), ("PLANNED", "STOPPED")}
    assert ("FAILED", "CUSTOMER_GROUP") in first.values()
    shop.person_sets_it_up()
    assert shop.outcomes(ORDERS) == dict.fromkeys(numbers, ("CONFIRMED", None))
