"""A day on which nothing changes starts no run of any flow, and nobody is told anything.

Source of the promise: docs/operations.md, "Is it late?".
"""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance, SkipReason
from pydantic import SecretStr

from winbc_pipeline import clock
from winbc_pipeline.flows import FLOWS
from winbc_pipeline.health.flush import flush
from winbc_pipeline.health.report import FINE, report
from winbc_pipeline.orchestration.following.tick import tick
from winbc_pipeline.orchestration.following.watch import watches
from winbc_pipeline.settings import AlertSettings, CustomerSettings, ProductSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.sync.connected import ConnectedFlow

from ..support.receivers import webhook
from ..support.sandboxes import Sandboxes

pytestmark = pytest.mark.proof

MORNING = datetime(2026, 3, 10, tzinfo=UTC)
EVERY_FLOW_BUT_ONE_OF_STOCK = 9  # stock has one owner


def test_a_quiet_day_starts_no_run_of_any_flow_and_sends_no_alert(
    sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = MORNING
    monkeypatch.setattr("winbc_pipeline.clock.now", lambda: now)
    with webhook() as receiver, DagsterInstance.ephemeral() as instance:
        chosen = {
            "sensors": True,
            "customers": CustomerSettings(direction="both"),
            "products": ProductSettings(direction="both"),
            "alerts": AlertSettings(urls={"hook": SecretStr(receiver.url)}),
        }
        settings = sandboxes.settings.model_copy(update=chosen)
        on = [ConnectedFlow(flow, settings) for flow in FLOWS if flow.is_on(settings)]
        assert len(on) == EVERY_FLOW_BUT_ONE_OF_STOCK
        for each in on:
            with each.store.transaction() as connection:
                ledger.create(connection)
                ledger.advance(connection, each.flow.id, MORNING - timedelta(hours=1))
        both = watches(settings)
        for hours in range(0, 25, 4):
            now = MORNING + timedelta(hours=hours)
            asked = [tick(each, instance, both[each.flow.source], clock.now) for each in on]
            assert all(isinstance(answer, SkipReason) for answer in asked), asked
            assert flush(settings).sent == ()
            assert report(settings, now).exit_code == FINE
        assert receiver.tried == 0
        assert instance.get_runs_count() == 0
