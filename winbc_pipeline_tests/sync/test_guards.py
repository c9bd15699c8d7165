"""A run that would write much more than usual waits for a person, and so does a source that shrank (issue 19)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance, RunRequest, build_schedule_context, build_sensor_context

from winbc_pipeline.build import build_defs
from winbc_pipeline.errors import ConfigurationError, NotDone, SourceShrank, TooManyWrites
from winbc_pipeline.flows import FLOWS, PRODUCTS, STATUS_TO_WINSTORE
from winbc_pipeline.sandbox.retail import write_folder
from winbc_pipeline.settings import GuardSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.guards.writes import held
from winbc_pipeline.sync.run import Summary, dry_run, push_windows, sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.workbench.approval import approve, approve_read, proposal, refused_read
from winbc_pipeline.workbench.intervention import Request, intervention

from ..support.flow_cases import FLOW_CASES
from ..support.in_process import in_process
from ..support.order_flow import OrderFlow, settings_of_order_flow
from ..support.order_sandboxes import BC, FIRST, LAST, WINSTORE, Record
from ..support.sandboxes import ARTICLE, Sandboxes

AT_LEAST = 5  # instead of 50, so that a test needs few records
DAY = "2026-03-02T10:00:00.000Z"
LATER = "2026-03-03T10:00:00.000Z"


class Shop(OrderFlow):
    """A shop with articles of no category, so that each article is one record, and a flow with its guards on."""

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(PRODUCTS, self.settings)

    def guards(self, **chosen: int | bool) -> None:
        self.settings = self.settings.model_copy(update={"guards": GuardSettings(**{"at_least": AT_LEAST} | chosen)})

    def articles(self, *numbers: int, modified_at: str = DAY, **fields: str) -> None:
        """Puts articles into the shop, or edits those that are there."""
        usual = ARTICLE | {"category": "", "modified_at": modified_at} | fields
        folder = self.settings.data_folder / "retail"
        rows = [usual | {"sku": f"S{n:04}", "article_key": str(n), "gtin": ""} for n in numbers]
        write_folder(folder, {"customers": [], "articles": rows})
        self._control(WINSTORE, "seed", {"folder": str(folder)})

    def empty(self) -> None:
        """The shop answers as before, and has no article any more."""
        self.winstore_app.state.records.db.execute("DELETE FROM record WHERE entity = 'articles'")

    def work(self, first: date = FIRST, last: date = LAST) -> Work:
        self.runs += 1
        return Work(self.connected, first, last, f"run-{self.runs}")

    def run(self) -> Summary:
        return sync(self.work())

    def is_held(self) -> bool:
        """Runs the flow. A run that is held writes nothing."""
        before = self.writes()
        try:
            self.run()
        except TooManyWrites:
            assert self.writes() == before
            return True
        return False

    def approve(self) -> None:
        approve(self.connected, proposal(self.connected), "by hand")

    def sent(self) -> list[Record]:
        """The bodies that Business Central has taken."""
        return [write["body"] for write in self.state(BC)["writes"]]

    def rows(self) -> dict[str, Record]:
        return {row["key"]: row for row in ledger.read(self.connected.store)}

    def outcomes(self) -> set[tuple[str, str | None]]:
        """States and reasons of all records."""
        return {(row["state"], row["reason"]) for row in self.rows().values()}

    def run_approved(self) -> None:
        """A run that is held, and the same after its approval."""
        assert self.is_held()
        self.approve()
        assert not self.is_held()

    def loaded(self, count: int) -> None:
        self.articles(*range(count))
        self.run_approved()

    def edit_tables(self) -> None:
        """Edits a lookup table of which no article has the value: what is sent stays the same."""
        self.edit_lookup("countries", "XX,NL,")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(settings_of_order_flow(tmp_path))
    shop.guards()
    try:
        with in_process(shop.wire, shop.moment, shop.pass_time):
            yield shop
    finally:
        shop.close()


def test_so_many_new_records_as_are_always_allowed_pass(shop: Shop) -> None:
    shop.articles(*range(AT_LEAST))
    assert not shop.is_held()
    assert shop.writes() == AT_LEAST


def test_one_new_record_more_holds_the_run_and_the_error_says_what_and_how_to_go_on(shop: Shop) -> None:
    shop.articles(*range(AT_LEAST + 1))
    with pytest.raises(TooManyWrites) as error:
        shop.run()
    assert str(error.value).startswith(
        "E-GUARD: products_winstore_to_bc: the plan has 6 records to create, 0 to update; 0 are known. "
        "A run may create 5 and update 5."
    )
    assert "`winbc approve products_winstore_to_bc`" in str(error.value)
    assert shop.writes() == 0
    assert shop.outcomes() == {("PLANNED", "APPROVAL")}


def test_an_approval_lets_exactly_the_plan_pass(shop: Shop) -> None:
    shop.articles(*range(8))
    assert shop.is_held()
    shop.approve()
    assert shop.outcomes() == {("PLANNED", "APPROVED")}
    assert not shop.is_held()
    assert shop.outcomes() == {("CONFIRMED", None)}
    assert shop.writes() == 8


def test_what_is_not_in_the_approved_plan_is_judged_by_itself(shop: Shop) -> None:
    shop.articles(*range(8))
    assert shop.is_held()
    shop.approve()
    shop.articles(*range(100, 108))
    with pytest.raises(TooManyWrites) as error:
        shop.run()
    assert "8 records to create" in str(error.value), "the others"
    assert {body["number"] for body in shop.sent()} == {f"S{n:04}" for n in range(8)}
    shop.approve()
    assert not shop.is_held()
    assert shop.writes() == 16


def test_an_approval_passes_once(shop: Shop) -> None:
    shop.loaded(8)
    prices = ("20", "18.5", "20")
    for day, price in enumerate(prices, 3):
        shop.articles(*range(8), price=price, modified_at=f"2026-03-0{day}T10:00:00.000Z")
        shop.run_approved()  # the third plan is the first one again, and is held all the same
    assert shop.writes() == 8 * (1 + len(prices))


def test_an_approval_ends_when_the_target_has_taken_the_record(shop: Shop) -> None:
    shop.loaded(8)
    with shop.connected.store.open() as connection:
        assert connection.execute("FROM approved_write").fetchall() == []


def test_an_approval_ends_when_the_record_is_planned_in_another_way(shop: Shop) -> None:
    shop.loaded(8)
    shop.articles(*range(8), price="20", modified_at=LATER)
    assert shop.is_held()
    shop.approve()
    for some in (range(4), range(4, 8)):  # so few that they go back without being held
        shop.articles(*some, modified_at=LATER)
        assert not shop.is_held()
    shop.articles(*range(8), price="20", modified_at=LATER)
    assert shop.is_held()


def test_updates_up_to_a_fifth_of_the_known_records_pass_and_one_more_does_not(shop: Shop) -> None:
    shop.loaded(40)
    shop.articles(*range(8), price="20", modified_at=LATER)
    assert not shop.is_held()
    shop.articles(*range(10, 19), price="20", modified_at="2026-03-03T11:00:00.000Z")
    assert shop.is_held()


def test_a_held_update_keeps_its_link_and_what_was_sent_and_is_sent_once_it_is_approved(shop: Shop) -> None:
    shop.loaded(8)
    before = shop.rows()
    shop.articles(*range(8), price="20", modified_at=LATER)
    assert shop.is_held()
    kept = ("target_id", "hash", "field_hashes")
    after = shop.rows()
    assert [[row[name] for name in kept] for row in after.values()] == [
        [row[name] for name in kept] for row in before.values()
    ]
    shop.approve()
    shop.run()
    assert shop.sent()[8:] == [{"unitPrice": 20}] * 8


def test_an_edit_of_the_tables_that_was_held_and_approved_is_sent(shop: Shop) -> None:
    shop.loaded(10)
    shop.edit_table("item", "displayName", flow=PRODUCTS.id, source="upper(name)")
    assert shop.is_held()
    shop.approve()
    assert shop.run().updated == 10


def test_records_that_would_be_blocked_are_counted_and_shown_first(shop: Shop) -> None:
    shop.edit_table("item", "blocked", PRODUCTS.id, source="price > 100", when="always")
    shop.loaded(8)
    shop.articles(*range(4), price="20", modified_at=LATER)
    shop.articles(*range(4, 8), price="200", modified_at=LATER)
    assert shop.is_held()
    waiting = proposal(shop.connected)
    assert "8 to update (4 of them to block); 8 are known" in waiting.writes.in_words()
    assert [row["key"] for row in waiting.examples[:4]] == ["S0004", "S0005", "S0006", "S0007"]


def test_a_held_run_still_notes_what_needs_no_call(shop: Shop) -> None:
    shop.articles(*range(6))
    shop.articles(7, name="x" * 101)
    assert shop.is_held()
    assert shop.outcomes() == {("PLANNED", "APPROVAL"), ("FAILED", "MAPPING")}


def test_a_large_load_does_not_pass_window_by_window(shop: Shop) -> None:
    for day in range(1, 5):
        shop.articles(*range(day * 10, day * 10 + 3), modified_at=f"2026-03-0{day}T10:00:00.000Z")
    assert shop.is_held()
    one = datetime(2026, 3, 2, tzinfo=UTC).date()
    with pytest.raises(TooManyWrites):
        sync(shop.work(one, one))
    assert shop.writes() == 0


def test_a_run_without_anything_of_what_waits_is_not_held(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    later = datetime(2026, 4, 1, tzinfo=UTC).date()
    assert sync(shop.work(later, later)).failed == 0


def test_after_an_edit_of_the_tables_an_approval_no_longer_holds(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    shop.approve()
    shop.edit_tables()
    assert shop.is_held()


def test_a_plan_by_tables_that_were_edited_since_is_not_approved(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    shop.edit_tables()
    with pytest.raises(NotDone, match="tables were edited"):
        proposal(shop.connected)


def test_an_approval_for_one_company_is_none_for_another(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    shop.approve()
    settings = shop.settings
    elsewhere = settings.bc.model_copy(update={"base_url": settings.bc.base_url.replace("127.0.0.1", "localhost")})
    shop.settings = settings.model_copy(update={"bc": elsewhere})
    with pytest.raises(ConfigurationError, match="was kept for"):
        shop.run()
    shop.settings = settings.model_copy(update={"bc": elsewhere, "connection": "elsewhere"})
    assert shop.is_held()
    assert shop.writes() == 0


def test_a_plan_that_changed_while_a_person_looked_is_not_approved(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    shown = proposal(shop.connected)
    shop.articles(*range(6), price="20", modified_at=LATER)
    assert shop.is_held()
    with pytest.raises(NotDone, match="changed while you were looking"):
        approve(shop.connected, shown, "by hand")


def test_nothing_is_approved_where_nothing_waits(shop: Shop) -> None:
    shop.articles(1)
    shop.run()
    with pytest.raises(NotDone, match="Nothing in the plan of products_winstore_to_bc waits"):
        proposal(shop.connected)


def test_a_dry_run_says_that_it_would_be_held_and_its_plan_can_be_approved(shop: Shop) -> None:
    shop.articles(*range(6))
    work = shop.work()
    dry_run(work)
    assert "6 records to create" in str(held(work))
    assert shop.rows() == {}
    shop.approve()
    assert not shop.is_held()


def test_what_the_target_refused_keeps_its_approval_until_it_is_taken(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    shop.approve()
    shop.fault(BC, {"kind": "status", "status": 503, "path": "$batch", "times": 100})
    assert shop.run().failed == 6
    assert shop.writes() == 0
    shop.fault(BC)
    assert not shop.is_held()
    assert shop.writes() == 6


def test_a_held_rerun_adds_nothing_to_the_history_of_records(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    before = _events(shop)
    assert shop.is_held()
    assert _events(shop) == before


def _events(shop: Shop) -> int:
    with shop.connected.store.open() as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM ledger_event").fetchall()
    return int(count)


def test_records_whose_run_was_killed_are_looked_up_before_they_are_counted(shop: Shop) -> None:
    """A killed run may have sent them: as PLANNED they would count as never sent."""
    shop.articles(*range(6))
    work = shop.work()
    dry_run(work)
    moves = [Move("item", f"S{n:04}", State.SENDING, {"window": FIRST}) for n in range(6)]
    ledger.move(shop.connected.store, moves, "killed")
    push_windows(shop.work())
    assert shop.outcomes() == {("CONFIRMED", None)}


def test_a_record_that_a_person_decided_to_send_goes_on_and_keeps_that_decision(shop: Shop) -> None:
    shop.articles(*range(7))
    assert shop.is_held()
    ledger.move(shop.connected.store, [Move("item", "S0000", State.PLANNED, {"reason": "BY_HAND"})], "by hand")
    with pytest.raises(TooManyWrites, match="6 records to create"):
        shop.run()
    assert [body["number"] for body in shop.sent()] == ["S0000"]


def test_the_guards_hold_for_master_data_and_stock_and_not_for_documents() -> None:
    """Each order, invoice and status is sent exactly once, by a protocol of its own."""
    guarded = {flow.id for flow in FLOWS if flow.guarded}
    assert guarded == {f"{name}_{way}" for name in ("customers", "products", "stock") for way in _ways()}
    assert {flow.name for flow in FLOWS if not flow.guarded} == {"orders", "order_status"}


def _ways() -> tuple[str, str]:
    return "winstore_to_bc", "bc_to_winstore"


def test_orders_are_not_held(shop: Shop) -> None:
    numbers = [f"W{n}" for n in range(AT_LEAST + 1)]
    for number in numbers:
        shop.order(number)
    assert shop.sync().created == len(numbers)


@pytest.mark.proof
def test_a_guarded_flow_to_winstore_is_held_and_approved_in_the_same_way(sandboxes: Sandboxes) -> None:
    """No flow of master data to Winstore runs yet; statuses may be sent twice, as those would be."""
    case = FLOW_CASES[STATUS_TO_WINSTORE.id]
    case.many(sandboxes, AT_LEAST + 1)
    settings = sandboxes.settings.model_copy(update={"guards": GuardSettings(at_least=AT_LEAST)})
    connected = ConnectedFlow(replace(STATUS_TO_WINSTORE, guarded=True), settings)
    work = Work(connected, FIRST, LAST, "run")
    with pytest.raises(TooManyWrites):
        sync(work)
    assert case.written(sandboxes) == []
    approve(connected, proposal(connected), "by hand")
    assert sync(work).updated == len(case.written(sandboxes)) == AT_LEAST + 1


def test_switched_off_the_guards_hold_nothing(shop: Shop) -> None:
    shop.guards(enabled=False)
    shop.articles(*range(60))
    assert not shop.is_held()
    with pytest.raises(NotDone, match="No run of products_winstore_to_bc is held"):
        proposal(shop.connected)


def test_what_waits_for_an_approval_is_not_sent_by_a_retry_of_all(shop: Shop) -> None:
    shop.articles(*range(6))
    assert shop.is_held()
    keys = tuple(shop.rows())
    with intervention(shop.connected, "by hand") as turn:
        with pytest.raises(NotDone, match="`winbc approve products_winstore_to_bc`"):
            turn.proposed(Request("retry", keys))
        one = Request("retry", keys[:1])
        assert [row["state"] for row in turn.carry_out(one, turn.proposed(one))] == ["CONFIRMED"]


def test_the_sensor_asks_for_no_run_of_what_waits_and_for_one_once_it_is_approved(shop: Shop) -> None:
    shop.articles(*range(6))
    assert len(_sensor(shop)) == 1
    assert shop.is_held()
    assert _sensor(shop) == []
    shop.approve()
    (request,) = _sensor(shop)
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-02"
    shop.run()
    assert _sensor(shop) == []


def test_the_request_after_an_approval_is_another_one_than_that_of_the_run_that_was_held(shop: Shop) -> None:
    """Dagster starts no second run with the run key of an earlier one."""
    shop.articles(*range(6))
    assert shop.is_held()
    shop.approve()
    (first,) = _sensor(shop)
    shop.edit_tables()
    assert shop.is_held(), "its approval was for other tables"
    shop.pass_time(1)
    shop.approve()
    (second,) = _sensor(shop)
    assert first.run_key != second.run_key


def test_the_sweep_asks_for_no_run_of_what_waits(shop: Shop) -> None:
    shop.articles(*range(6))
    shop.articles(7, modified_at="2026-03-09T10:00:00.000Z")
    assert shop.is_held()
    schedule = build_defs(settings=shop.settings).resolve_schedule_def("products_winstore_to_bc_sweep")
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    with DagsterInstance.ephemeral() as instance, build_schedule_context(instance, now) as context:
        requests = schedule.evaluate_tick(context).run_requests
    starts = [request.tags["dagster/asset_partition_range_start"] for request in requests or []]
    assert starts == ["2026-03-09"], "the sweep's own span, and not the red window before it"


def _sensor(shop: Shop) -> list[RunRequest]:
    sensor = build_defs(settings=shop.settings).resolve_sensor_def("products_winstore_to_bc_changes")
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
        return list(sensor.evaluate_tick(context).run_requests or [])


def test_a_source_that_became_empty_stops_the_run_before_anything_is_mapped(shop: Shop) -> None:
    """Row 43 of the catalogue: 200 with 0 records after 10,000 yesterday."""
    shop.articles(*range(4))
    shop.run()
    shop.empty()
    steps: list[str] = []
    with pytest.raises(SourceShrank) as error:
        sync(shop.work(), steps.append)
    assert steps == ["staging"]
    assert str(error.value).startswith("E-SOURCE: products_winstore_to_bc: source gave 0 of 4 articles, nothing sent.")
    assert "`winbc approve products_winstore_to_bc --source`" in str(error.value)


def test_half_of_the_records_pass_and_one_less_does_not(shop: Shop) -> None:
    for before, now in ((range(4), range(2)), (range(5), range(3))):
        for numbers in (before, now):
            shop.empty()
            shop.articles(*numbers)
            shop.run()
    shop.empty()
    shop.articles(1)
    with pytest.raises(SourceShrank, match=r"gave 1 of 3 articles"):
        shop.run()


def test_the_first_read_of_an_empty_shop_passes(shop: Shop) -> None:
    shop.articles()
    shop.run()
    shop.articles(1)
    shop.run()
    assert shop.writes() == 1


def test_a_read_of_some_days_says_nothing_about_the_source(shop: Shop) -> None:
    shop.articles(*range(4))
    shop.run()
    day = datetime(2026, 4, 1, tzinfo=UTC).date()
    assert sync(shop.work(day, day)).read == 0
    shop.empty()
    with pytest.raises(SourceShrank, match="0 of 4 articles"):
        shop.run()


def test_another_start_of_history_is_compared_with_no_other_read(shop: Shop) -> None:
    shop.articles(*range(4))
    shop.run()
    start = datetime(2026, 3, 2, 11, tzinfo=UTC).date()
    shop.settings = shop.settings.model_copy(update={"history_start": start})
    shop.empty()
    sync(shop.work(start))
    with pytest.raises(NotDone, match="no read of the source waits"):
        refused_read(shop.connected)


def test_a_refused_read_passes_once_it_is_approved_and_is_what_later_ones_are_compared_with(shop: Shop) -> None:
    shop.articles(*range(5))
    shop.run()
    shop.empty()
    shop.articles(1, 2)
    with pytest.raises(SourceShrank):
        shop.run()
    approve_read(shop.connected, refused_read(shop.connected))
    shop.run()
    with pytest.raises(NotDone, match="no read of the source waits"):
        refused_read(shop.connected)
    shop.empty()
    with pytest.raises(SourceShrank, match=r"gave 0 of 2 articles"):
        shop.run()


def test_a_read_that_was_refused_since_a_person_looked_is_not_approved(shop: Shop) -> None:
    shop.articles(*range(5))
    shop.run()
    shop.empty()
    shop.articles(1, 2)
    with pytest.raises(SourceShrank):
        shop.run()
    shown = refused_read(shop.connected)
    shop.empty()
    with pytest.raises(SourceShrank):
        shop.run()
    with pytest.raises(NotDone, match="Another read was refused"):
        approve_read(shop.connected, shown)
    assert replace(shown, refused=0) == refused_read(shop.connected)
