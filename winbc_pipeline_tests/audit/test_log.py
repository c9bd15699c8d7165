"""What the log of acts notes, and what it does not. Source: docs/privacy.md, Who did what."""

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from winbc_pipeline import audit, clock
from winbc_pipeline.audit.log import HEAD, LOG, line_of, marked
from winbc_pipeline.errors import NotWritable
from winbc_pipeline.settings import AuditSettings, Settings

FLOW = "orders_winstore_to_bc"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path)


def test_an_act_is_noted_with_who_when_and_about_what(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 1, tzinfo=UTC))
    audit.record(settings, "approve", FLOW, who="dashboard:els")
    (entry,) = audit.entries(settings)
    assert (entry.number, entry.act, entry.subject, entry.who) == (1, "approve", FLOW, "dashboard:els")
    assert entry.at == "2026-03-01T00:00:00+00:00"


def test_without_a_session_it_is_the_user_of_the_operating_system_whatever_the_environment_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody else")
    assert audit.record(settings, "retry", FLOW).who == audit.log.os_user() != "os:somebody else"


def test_records_stand_there_as_marks_by_which_they_are_found_again(settings: Settings) -> None:
    audit.record(settings, "retry", FLOW, ["anna@mail.example", "W1"])
    (entry,) = audit.entries(settings)
    assert entry.count == 2
    assert marked(settings, "W1") in entry.records
    assert b"anna" not in (settings.state_folder / LOG).read_bytes()


def test_of_many_records_the_first_hundred_are_marked_and_all_are_counted(settings: Settings) -> None:
    entry = audit.record(settings, "repair", FLOW, map(str, range(150)))
    assert (len(entry.records), entry.count) == (100, 150)


def test_two_installations_mark_one_record_differently(tmp_path: Path) -> None:
    here, there = (Settings(data_folder=tmp_path / name) for name in "ab")
    assert marked(here, "W1") != marked(there, "W1")


def test_only_its_owner_reads_the_log(settings: Settings) -> None:
    audit.record(settings, "retry", FLOW)
    for name in (LOG, HEAD):
        assert stat.S_IMODE((settings.state_folder / name).stat().st_mode) == 0o600


def test_acts_at_the_same_moment_are_all_noted(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: audit.record(settings, "show", f"{n}"), range(20)))
    assert sorted(int(each.subject) for each in audit.entries(settings)) == list(range(20))
    assert audit.verify(settings).problems == []


def test_what_cannot_be_noted_is_refused(settings: Settings) -> None:
    settings.state_folder.mkdir(parents=True)
    (settings.state_folder / LOG).mkdir()
    with pytest.raises((NotWritable, IsADirectoryError)):
        audit.record(settings, "erase", "a person")


@pytest.mark.parametrize("left", [b"", b'{"number":3,"at"'])
def test_after_a_kill_the_log_goes_on(settings: Settings, left: bytes) -> None:
    """A kill may fall between the log and the head, or in the middle of a line."""
    audit.record(settings, "retry", FLOW)
    head = (settings.state_folder / HEAD).read_bytes()
    audit.record(settings, "retry", FLOW)
    (settings.state_folder / HEAD).write_bytes(head)
    with (settings.state_folder / LOG).open("ab") as file:
        file.write(left)
    audit.record(settings, "approve", FLOW)
    assert [each.number for each in audit.entries(settings)] == [1, 2, 3]
    assert audit.verify(settings).problems == []


def test_a_disk_without_room_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritable, match="cannot be written"):
        audit.record(settings, "approve", FLOW)


def test_each_act_also_goes_to_the_log_of_the_system(settings: Settings, tmp_path: Path) -> None:
    """RFC 3164: priority (facility 10, severity 5), tag, text. OWASP ASVS 5.0, 16.4.3."""
    there = AuditSettings(syslog=tmp_path / "log.socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(there.syslog))
        log.settimeout(5)
        entry = audit.record(settings.model_copy(update={"audit": there}), "approve", FLOW)
        priority, _, text = log.recv(8192).decode().partition(": ")
    assert priority == f"<85>winbc[{os.getpid()}]"
    assert text == f"default {line_of(entry).decode()}"


def test_what_the_log_of_the_system_does_not_take_is_refused(settings: Settings, tmp_path: Path) -> None:
    nobody = settings.model_copy(update={"audit": AuditSettings(syslog=tmp_path / "nobody")})
    with pytest.raises(NotWritable, match="E-DISK"):
        audit.record(nobody, "approve", FLOW)
