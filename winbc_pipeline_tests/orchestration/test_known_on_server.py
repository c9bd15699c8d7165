"""What sensors and alerts ask a server: its tables only when somebody wrote them, and no session is kept for each flow.

Source of the promises: docs/scale.md, "Looking after it".
"""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from winbc_pipeline import clock
from winbc_pipeline.errors import StateUnavailable
from winbc_pipeline.flows import FLOWS, flow_named
from winbc_pipeline.health.gather import from_ledger, gather
from winbc_pipeline.health.publishing.publish import published
from winbc_pipeline.health.report import report_of_published
from winbc_pipeline.orchestration.following.known import known_of
from winbc_pipeline.settings import Settings, StateSettings
from winbc_pipeline.staging import ledger
from winbc_pipeline.staging.ledger import Move, State
from winbc_pipeline.staging.published import files
from winbc_pipeline.staging.server import address
from winbc_pipeline.staging.server import lease as on_server
from winbc_pipeline.staging.store import Store
from winbc_pipeline.sync import session
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.session import lease

from ..support.postgres import Server

pytestmark = pytest.mark.scale
ANSWERED = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
Look = Callable[[ConnectedFlow], object]
LOOKS: dict[str, Look] = {
    "sensor": lambda connected: known_of(connected, 0),
    "alerts": lambda connected: from_ledger(connected, clock.now()),
}


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> Look:
    return LOOKS[request.param]


@pytest.fixture
def connected(state_server: Server, tmp_path: Path) -> ConnectedFlow:
    """Orders, of which one was moved once."""
    settings = Settings(data_folder=tmp_path, state=StateSettings(database=state_server.address))
    made = ConnectedFlow(flow_named("orders_winstore_to_bc"), settings)
    written(made)
    return made


def written(connected: ConnectedFlow) -> None:
    with lease(connected):
        ledger.move(connected.store, [Move("order", "W1", State.PLANNED, {})], "run")


def opened(look: Look, connected: ConnectedFlow) -> bool:
    """Whether a look opened a database."""
    with patch.object(Store, "open", autospec=True, side_effect=Store.open) as open_:
        look(connected)
    return open_.called


def test_tables_are_read_again_after_somebody_had_the_lease(look: Look, connected: ConnectedFlow) -> None:
    assert opened(look, connected)
    assert not opened(look, connected), "nobody wrote"
    written(connected)
    assert opened(look, connected)


def test_tables_are_read_each_time_while_somebody_has_the_lease(look: Look, connected: ConnectedFlow) -> None:
    with lease(connected):
        assert opened(look, connected)
        assert opened(look, connected)
    assert opened(look, connected), "what came last was not read yet"


def test_tables_are_read_again_after_a_while(
    look: Look, connected: ConnectedFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(look, connected)
    monkeypatch.setattr(session, "ANEW_S", 1e-9)
    assert opened(look, connected)


def test_what_is_published_has_all_that_this_process_wrote_a_moment_ago(connected: ConnectedFlow) -> None:
    """As `winbc approve` twice in the dashboard, or a rerun of short windows: nobody publishes again after the last."""
    for count in (1, 2, 3):
        with published(connected), lease(connected):
            ledger.move(connected.store, [Move("order", f"W{count}", State.PLANNED, {})], "run")
        status = files.read(files.status_file(connected.settings, connected.flow.id))
        assert status["facts"]["states"] == {"PLANNED": count}


def test_a_server_that_is_away_is_a_problem_of_all_flows_and_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on the dashboard. Each wait may take ten seconds."""
    settings = Settings(data_folder=tmp_path, state=StateSettings(database="postgresql://x@127.0.0.1/x"))
    monkeypatch.setattr(on_server, "TOLD_S", 60)
    monkeypatch.setattr(address, "connect", connects := Mock(side_effect=StateUnavailable("PostgreSQL")))
    found = gather([ConnectedFlow(flow, settings) for flow in FLOWS], (), clock.now())
    assert connects.call_count == 1
    on = {flow.id for flow in FLOWS if flow.is_on(settings)}
    assert on == found.unread
    for problems in (found.problems, report_of_published(settings, clock.now()).problems):
        assert [{*each.flows} for each in problems if each.name.reason == "E-STATE"] == [on]


def test_a_look_leaves_no_session(look: Look, connected: ConnectedFlow, state_server: Server) -> None:
    connected.store.end_sessions()
    assert sessions(state_server) == 0
    look(connected)
    assert sessions(state_server) == 0


def sessions(server: Server) -> int:
    with address.asked(server.address) as cursor:
        cursor.execute(ANSWERED)
        return int(cursor.fetchone()[0])
