"""Orders that are not paid in time: by the shop's own clock, by themselves, and taken after all once they are paid."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from dagster import build_schedule_context
from pydantic import ValidationError

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.flows.unpaid import days_given_up
from winbc_pipeline.orchestration.jobs import flow_schedule
from winbc_pipeline.orchestration.windows import RANGE_START
from winbc_pipeline.settings import Settings, WinstoreSettings
from winbc_pipeline.sync.connected import ConnectedFlow

from ...support.order_flow import OrderFlow
from ...workbench.test_readiness import ready


@pytest.fixture
def patient(order_flow: OrderFlow) -> OrderFlow:
    """Waits a day for the money."""
    order_flow.choose(payment_rules={"ideal": "when_paid"}, give_up_after_days=1)
    return order_flow


def placed(order_flow: OrderFlow, orderdate: str) -> None:
    order_flow.order("W1", status="new", orderdate=orderdate)


def reason_at(order_flow: OrderFlow, moment: str) -> str | None:
    """The reason for which W1 is left out, of a run at that moment (UTC)."""
    order_flow.pass_time((datetime.fromisoformat(moment).replace(tzinfo=UTC) - order_flow.now).total_seconds())
    order_flow.sync()
    return order_flow.outcome()[1]


def test_a_day_is_counted_from_the_shops_own_midnight(patient: OrderFlow) -> None:
    placed(patient, "2026-03-12 00:30:00")  # 23:30 of the day before in UTC
    assert reason_at(patient, "2026-03-12T23:29:00") == "NOT_PAID"
    assert reason_at(patient, "2026-03-12T23:31:00") == "GIVEN_UP"


def test_in_summer_it_is_another_hour(patient: OrderFlow) -> None:
    placed(patient, "2026-03-30 00:30:00")  # the clocks went forward the day before
    assert reason_at(patient, "2026-03-30T22:29:00") == "NOT_PAID"
    assert reason_at(patient, "2026-03-30T22:31:00") == "GIVEN_UP"


def test_a_shop_elsewhere_has_its_own_zone(patient: OrderFlow) -> None:
    winstore = patient.settings.winstore.model_copy(
        update=WinstoreSettings(time_zone="America/New_York").model_dump(include={"time_zone"})
    )
    patient.settings = patient.settings.model_copy(update={"winstore": winstore})
    placed(patient, "2026-03-12 00:30:00")
    assert reason_at(patient, "2026-03-13T04:29:00") == "NOT_PAID"
    assert reason_at(patient, "2026-03-13T04:31:00") == "GIVEN_UP"


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        WinstoreSettings(time_zone="Europe/Utrecht")


def test_the_check_warns_of_a_table_that_reads_the_date_in_another_zone(patient: OrderFlow) -> None:
    patient.edit_table("order", "orderDate", source="to_date(to_datetime(orderdate, 'Asia/Tokyo'), 'Asia/Tokyo')")
    (warning,) = ready(patient).warnings
    assert "the table reads the order's date in Asia/Tokyo, `winstore.time_zone` is Europe/Amsterdam" in warning


def test_an_order_that_is_given_up_is_taken_once_it_is_paid(patient: OrderFlow) -> None:
    placed(patient, "2026-03-01 09:00:00")
    patient.sync()
    assert patient.outcome() == ("SKIPPED", "GIVEN_UP")
    patient.pass_time(60)
    patient.edit("W1", status="paid")
    patient.sync()
    assert patient.outcome() == ("CONFIRMED", None)


def test_the_sweep_visits_windows_whose_orders_have_waited_too_long_and_no_others(patient: OrderFlow) -> None:
    for number, day in (("W1", "2026-03-12"), ("W2", "2026-03-14")):
        patient.order(number, status="new", orderdate=f"{day} 09:00:00", modified="2026-03-10T10:00:00.000Z")
    patient.order("W3", modified="2026-03-12T10:00:00.000Z")
    assert reason_at(patient, "2026-03-12T11:00:00") == "NOT_PAID"
    assert days_given_up(ConnectedFlow(ORDERS_TO_BC, patient.settings)) == []
    patient.pass_time(24 * 3600)
    assert days_given_up(ConnectedFlow(ORDERS_TO_BC, patient.settings)) == [date(2026, 3, 10)]
    assert swept(patient.settings, patient.now) == ["2026-03-12", "2026-03-10"]
    patient.sync()
    assert (patient.outcome("W1")[1], patient.outcome("W2")[1]) == ("GIVEN_UP", "NOT_PAID")
    assert days_given_up(ConnectedFlow(ORDERS_TO_BC, patient.settings)) == [], "once is enough"


def swept(settings: Settings, now: datetime) -> list[str]:
    """The first days of the runs that the sweep asks for."""
    connected = ConnectedFlow(ORDERS_TO_BC, settings)
    sweep = flow_schedule(connected)
    requests = sweep.evaluate_tick(build_schedule_context(scheduled_execution_time=now)).run_requests or []
    return [request.tags[RANGE_START] for request in requests]


def test_flows_that_give_nothing_up_are_not_asked(tmp_path: Path) -> None:
    assert days_given_up(ConnectedFlow(ORDERS_TO_BC, Settings(data_folder=tmp_path))) == []
