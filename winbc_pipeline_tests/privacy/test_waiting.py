"""Runs wait while somebody is erased. Source: docs/privacy.md, Forget a person."""

from pathlib import Path
from threading import Event, Thread

from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.settings import Settings
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.session import lease
from winbc_pipeline.workbench.keeping.restore import at_rest


def test_a_run_waits_while_somebody_is_erased_and_goes_on(tmp_path: Path) -> None:
    connected = ConnectedFlow(ORDERS_TO_BC, Settings(data_folder=tmp_path))
    began, went_on = Event(), Event()

    def run() -> None:
        began.set()
        with lease(connected, wait_s=30):
            went_on.set()

    other = Thread(target=run)
    with at_rest(connected.settings):
        other.start()
        assert began.wait(30)
        assert not went_on.wait(0.2)
    assert went_on.wait(30)
    other.join()
