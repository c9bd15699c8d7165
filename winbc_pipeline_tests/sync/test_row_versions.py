"""What changed in Business Central is read by row versions where the companion app tells them.

Source: docs/companion-app.md, Changes that are committed late. The issue's promise: a transaction that commits ten
minutes late is not missed, and no overlap is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from winbc_pipeline.errors import SourceShrank
from winbc_pipeline.flows import flow_named
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.settings import CustomerSettings, GuardSettings
from winbc_pipeline.staging.row_versions import last_read
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.guards import source
from winbc_pipeline.sync.reading.glance import Change, change_since
from winbc_pipeline.sync.reading.stage import stage

from ..support.in_process import in_process
from ..support.order_flow import settings_of_order_flow
from ..support.order_sandboxes import BC
from ..support.shops.two_ways import TO_WINSTORE, TwoWays

APP = companion_app()
GONE = {"id": APP.key, "installed": False}
BACK = {"id": APP.key, "installed": True}
LATE_S = 10 * 60
EVENING_S = 13.5 * 3600  # until half past eleven
DAY = date(2026, 3, 10)  # of the world's clock


class Books(TwoWays):
    """Customers of Business Central, and a read of what changed among them."""

    @property
    def connected(self) -> ConnectedFlow:
        return ConnectedFlow(flow_named(TO_WINSTORE), self.settings)

    def read(self, day: date = DAY) -> int:
        """What changed is read into staging; the number of records."""
        return stage(self.connected, day)

    def names(self) -> set[str]:
        """The names that are staged."""
        with self.connected.store.open() as connection:
            rows = connection.execute(f"SELECT displayName FROM {self.connected.staging.name}").fetchall()
        return {name for (name,) in rows}

    def user(self, **asked: object) -> object:
        """A person acts in Business Central (docs/sandbox.md)."""
        answer = self.http.post(f"http://127.0.0.1:{BC}/__user", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json().get("transaction")

    def begins_to_rename(self, number: str, name: str) -> object:
        """A long transaction renames a customer; its number."""
        edit = {"do": "edit", "entity": "customers", "id": self.of_bc(number)["id"], "fields": {"displayName": name}}
        return self.user(do="begin", act=edit)

    def reads_of_customers(self) -> int:
        return sum("/customers?" in each["path"] for each in self.calls(BC))

    @property
    def below(self) -> int:
        known = last_read(self.connected.store, self.connected.staging.name)
        assert known
        return known.below


@contextmanager
def opened(folder: Path) -> Iterator[Books]:
    """Business Central with the companion app and one customer, which nobody has read."""
    settings = settings_of_order_flow(folder)
    books = Books(settings.model_copy(update={"customers": CustomerSettings(direction="both")}))
    try:
        with in_process(books.wire, books.moment, books.pass_time):
            books.seed_app(APP.source())
            books.bc_has("C1", displayName="Bea", email="bea@mail.example")
            yield books
    finally:
        books.close()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Two customers in Business Central with the companion app, which were read."""
    with opened(tmp_path) as books:
        books.bc_has("C2", displayName="Cor", email="cor@mail.example")
        assert books.read() == 2
        yield books


def test_a_poll_after_which_nothing_changed_reads_no_record(books: Books) -> None:
    assert books.read() == 0
    books.in_bc("C2", displayName="Corry")
    assert books.read() == 1
    assert books.read() == 0


def test_a_transaction_that_commits_ten_minutes_late_is_not_missed(books: Books) -> None:
    transaction = books.begins_to_rename("C1", "Late")
    books.pass_time(LATE_S + 120)
    books.in_bc("C2", displayName="Corry")
    books.read()
    assert "Late" not in books.names()
    books.user(do="commit", transaction=transaction)
    books.read()
    assert "Late" in books.names()
    assert books.read() == 0


@pytest.mark.proof
def test_a_transaction_of_the_evening_before_is_not_missed_after_midnight(books: Books) -> None:
    """Its moment is before the window of the run, overlap and all."""
    books.pass_time(EVENING_S)
    transaction = books.begins_to_rename("C1", "Late")
    books.pass_time(3600)
    books.in_bc("C2", displayName="Corry")
    books.read(DAY + timedelta(days=1))
    books.user(do="commit", transaction=transaction)
    books.read(DAY + timedelta(days=1))
    assert "Late" in books.names()


def test_without_the_app_what_commits_later_than_the_overlap_is_missed(books: Books) -> None:
    """As docs/reliability.md says of moments: the overlap is all that there is."""
    books.seed_app(GONE)
    books.pass_time(EVENING_S)
    transaction = books.begins_to_rename("C1", "Late")
    books.pass_time(3600)
    books.user(do="commit", transaction=transaction)
    books.read(DAY + timedelta(days=1))
    assert "Late" not in books.names()


def test_what_changed_while_the_app_was_gone_is_read_when_it_is_back(books: Books) -> None:
    books.seed_app(GONE)
    books.in_bc("C1", displayName="Meanwhile")
    books.pass_time(24 * 3600)
    books.read(DAY + timedelta(days=1))
    assert "Meanwhile" not in books.names()  # it belongs to the window of the day before
    books.seed_app(BACK)
    books.read(DAY + timedelta(days=1))
    assert "Meanwhile" in books.names()


@pytest.mark.proof
def test_an_app_that_comes_and_goes_between_runs_loses_no_change(books: Books) -> None:
    for number, step in enumerate((GONE, BACK, GONE, BACK)):
        books.seed_app(step)
        books.in_bc("C1", displayName=f"Name {number}")
        assert books.read() >= 1
        assert f"Name {number}" in books.names()


@pytest.mark.proof
def test_an_older_app_without_row_versions_is_read_by_moments(books: Books) -> None:
    books.seed_app(companion_app("1.0.0.0").source())
    assert books.read() == 2
    books.seed_app(APP.source())
    assert books.read() == 0


@pytest.mark.proof
def test_without_the_right_to_read_row_versions_moments_count(books: Books) -> None:
    for name in ("WINS Read", "WINS Api"):
        books._control(BC, "seed", {"permissionSets": {name: False}})
    books.in_bc("C1", displayName="Seen")
    assert books.read() == 2
    assert "Seen" in books.names()


def test_after_a_restore_in_which_row_versions_went_back_all_is_read_again(books: Books) -> None:
    before = books.below
    database = books.bc_app.state.records.db
    database.execute("UPDATE counter SET last = 1 WHERE name = 'rowVersion'")
    database.execute("UPDATE record SET body = json_set(body, '$.rowVersion', 1) WHERE entity LIKE '%Changes'")
    books.in_bc("C1", displayName="After")
    assert books.read() == 2
    assert "After" in books.names()
    assert books.below < before
    assert books.read() == 0


def test_a_killed_read_is_made_again_from_the_same_row_version(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.in_bc("C1", displayName="Killed")
    with monkeypatch.context() as patched:
        patched.setattr("winbc_pipeline.sync.reading.stage.note_read", _dies)
        with pytest.raises(KeyboardInterrupt):
            books.read()
    assert books.read() == 1
    assert books.read() == 0


@pytest.mark.proof
def test_what_commits_late_during_a_killed_first_load_is_read_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as books:
        transaction = books.begins_to_rename("C1", "Late")
        books.pass_time(3600)
        books.bc_has("C2", displayName="Cor", email="cor@mail.example")
        with monkeypatch.context() as patched:
            patched.setattr("winbc_pipeline.sync.reading.stage.load", _dies)
            with pytest.raises(KeyboardInterrupt):
                books.read()
        books.user(do="commit", transaction=transaction)
        books.read()
        books.read()
        assert {"Late", "Cor"} <= books.names()


def test_a_whole_read_that_shrank_is_refused_until_a_person_approves_it(books: Books) -> None:
    """docs/errors.md, E-SOURCE: the next read is refused, too, and not taken for one of what changed."""
    books.settings = books.settings.model_copy(update={"guards": GuardSettings()})
    first = books.settings.history_start
    books.bc_has("C3", displayName="Die", email="die@mail.example")
    assert books.read(first) == 3
    for number in ("C2", "C3"):
        assert books.by_person("DELETE", f"customers({books.of_bc(number)['id']})").status_code == 204
    books.pass_time(25 * 3600)
    for _ in range(2):
        with pytest.raises(SourceShrank):
            books.read(first)
    source.accept(books.connected, source.refused(books.connected))
    assert (books.read(first), books.read(first)) == (1, 0)


@pytest.mark.proof
def test_once_a_day_the_window_is_read_whole(books: Books) -> None:
    """What other flows add to a record may have changed since."""
    books.pass_time(25 * 3600)
    assert books.read() == 2


@pytest.mark.proof
def test_while_a_record_is_not_done_it_is_read_again(books: Books) -> None:
    books.in_bc("C1", email="bea@mail.example;bea@other.example", displayName="x" * 100)
    books.run(TO_WINSTORE)
    with books.connected.store.open() as connection:
        connection.execute("UPDATE ledger SET state = 'FAILED' WHERE key = (SELECT min(key) FROM ledger)")
    assert books.read() >= 1


def test_the_watch_tells_of_what_was_committed_late_and_of_nothing_while_it_is_open(books: Books) -> None:
    """Its moment is before the watermark, so the question by moments does not see it."""
    transaction = books.begins_to_rename("C1", "Late")
    books.pass_time(LATE_S)
    followed = books.now
    assert change_since(books.connected, followed) is None
    books.user(do="commit", transaction=transaction)
    assert change_since(books.connected, followed) == Change(None, DAY)
    books.read()
    assert change_since(books.connected, followed) is None


def test_an_order_that_is_not_of_winstore_is_no_late_change_of_a_status(books: Books) -> None:
    connected = ConnectedFlow(flow_named("order_status_bc_to_winstore"), books.settings)
    stage(connected, DAY)
    books.pass_time(60)
    order = {"customerNumber": "C1", "externalDocumentNumber": "BY-HAND"}
    assert books.by_person("POST", "salesOrders", order).status_code == 201
    assert change_since(connected, books.now) is None
    order = {"customerNumber": "C1", "externalDocumentNumber": "WS-W1"}
    assert books.by_person("POST", "salesOrders", order).status_code == 201
    assert change_since(connected, books.now) == Change(None, DAY)


@pytest.mark.proof
def test_the_watch_goes_on_by_moments_when_the_app_went(books: Books) -> None:
    books.seed_app(GONE)
    followed = books.now
    assert change_since(books.connected, followed) is None
    books.in_bc("C1", displayName="Bea Klein")
    assert change_since(books.connected, followed) is not None


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
