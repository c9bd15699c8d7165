"""When is a message due? A problem, its moments and the settings in; what goes out.

Source: test_catalogue.md, row 107; a day of alerts must be readable.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from winbc_pipeline.flows import flow_named
from winbc_pipeline.health.decide import Draft, Held, due, follow, held, told
from winbc_pipeline.health.facts import Facts
from winbc_pipeline.health.gather import Gathered
from winbc_pipeline.health.lateness import flow_health
from winbc_pipeline.health.problem import EVERY, Name, Problem
from winbc_pipeline.health.store import Sent, Track
from winbc_pipeline.settings import AlertSettings, Settings
from winbc_pipeline.sync.connected import ConnectedFlow

START = datetime(2026, 3, 10, 10, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FLOW = "orders_winstore_to_bc"


class Diary:
    """Looks at what is wrong, one after the other, and what each of them sent."""

    def __init__(self, **alerts: Any) -> None:
        self.alerts = AlertSettings(urls={"mail": SecretStr("mailto://x")}, **alerts)
        self.tracks: dict[Name, Track] = {}
        self.sent: list[tuple[datetime, Draft]] = []

    def look(self, now: datetime, *problems: Problem) -> list[Draft]:
        gathered = Gathered(problems)
        before, self.tracks = self.tracks, follow(gathered, self.tracks, now)
        drafts = due(gathered, before, self.tracks, self.went_out, self.alerts, now)
        for draft in drafts:
            self.tracks |= told(draft, now)
            self.sent.append((now, draft))
        return drafts

    @property
    def went_out(self) -> list[Sent]:
        return [Sent(moment, draft.weight) for moment, draft in self.sent]

    def kinds(self) -> list[str]:
        return [item.what for _, draft in self.sent for item in draft.items]


def problem(reason: str = "MAPPING", kind: str = "failed", flow: str = FLOW, cause: str = "c", **more: Any) -> Problem:
    return Problem(Name(flow, kind, reason, cause), more.pop("since", START), flows=more.pop("flows", (FLOW,)), **more)


def test_the_same_failure_for_two_days_is_told_at_once_after_an_hour_six_hours_and_each_day() -> None:
    diary = Diary()
    for step in range(2 * 288 + 1):  # a run every five minutes
        diary.look(START + step * 5 * MINUTE, problem())
    assert [moment - START for moment, _ in diary.sent] == [0 * HOUR, HOUR, 6 * HOUR, DAY, 2 * DAY]
    assert diary.kinds() == ["new", *["still"] * 4]


def test_problems_that_go_on_share_their_digest() -> None:
    diary = Diary()
    diary.look(START, problem("A"))
    diary.look(START + 20 * MINUTE, problem("A"), problem("B", since=START + 20 * MINUTE))
    drafts = diary.look(START + HOUR, problem("A"), problem("B", since=START + 20 * MINUTE))
    assert [len(draft.items) for draft in drafts] == [2]


def test_many_new_problems_at_one_moment_are_one_message() -> None:
    diary = Diary()
    assert [len(each.items) for each in diary.look(START, *(problem(f"R{n}") for n in range(3)))] == [1, 1, 1]
    assert [len(each.items) for each in Diary().look(START, *(problem(f"R{n}") for n in range(40)))] == [40]


def test_a_problem_that_comes_and_goes_all_day_sends_at_most_one_message_in_two_hours_after_the_first_six() -> None:
    diary = Diary()
    for step in range(12 * 12):  # it fails and is mended every five minutes, for twelve hours
        now = START + step * 5 * MINUTE
        diary.look(now, *([problem(since=now)] if step % 2 else []))
    assert len(diary.sent) <= 12


def test_three_problems_that_are_mended_leave_the_fourth_its_message() -> None:
    diary = Diary()
    for step in range(3):
        diary.look(START + 2 * step * MINUTE, problem(f"R{step}"))
        diary.look(START + (2 * step + 1) * MINUTE)
    assert diary.kinds() == ["new", "mended"] * 3
    fourth = problem("R4", since=START + 8 * MINUTE)
    assert [draft.full_until for draft in diary.look(fourth.opened_at, fourth)] == [None]


def test_the_message_that_uses_up_the_budget_says_until_when_others_are_held_and_then_they_go_out() -> None:
    diary = Diary()
    for step in range(7):
        diary.look(START, *(problem(f"R{number}") for number in range(step + 1)))
    until = START + 2 * HOUR
    assert [draft.full_until for _, draft in diary.sent] == [None] * 5 + [until]
    open_now = Gathered(tuple(problem(f"R{number}") for number in range(7)))
    assert held(open_now, diary.tracks, diary.went_out, diary.alerts, START) == Held(1, until)
    assert diary.look(until - MINUTE, *open_now.problems) == []
    assert len(diary.look(until, *open_now.problems)) == 1


def test_what_stops_runs_is_told_though_records_that_failed_have_used_up_the_budget() -> None:
    diary = Diary()
    for step in range(6):
        diary.look(START, *(problem(f"R{number}") for number in range(step + 1)))
    stop = problem("E-AUTH", "system", EVERY, "Winstore")
    (draft,) = diary.look(START, *(problem(f"R{number}") for number in range(7)), stop)
    assert stop in [item.problem for item in draft.items]


def test_a_problem_that_comes_back_within_an_hour_with_a_new_record_is_told_at_once() -> None:
    diary = Diary()
    diary.look(START, problem())
    diary.look(START + MINUTE)
    diary.look(START + 2 * MINUTE, problem(since=START + 2 * MINUTE, is_anew=True))
    assert diary.kinds() == ["new", "mended", "new"]


def test_what_a_source_that_is_down_brings_about_is_not_told() -> None:
    diary = Diary()
    down = problem("E-UNREACHABLE", "system", EVERY, "Winstore", flows=(FLOW, "products_winstore_to_bc"))
    late = problem("NOT_ANSWERED", "late")
    diary.look(START + MINUTE, down, late)
    (draft,) = diary.look(START + 5 * MINUTE, down, late)
    assert [item.problem for item in draft.items] == [down]


def test_what_is_late_for_its_own_reason_is_told_from_the_second_look_on() -> None:
    """After the program was off, each source looks silent until it is asked again."""
    diary, late = Diary(), problem("WAITS", "late")
    assert diary.look(START, late) == []
    assert len(diary.look(START + MINUTE / 4, late)) == 1


def test_what_was_late_for_one_look_only_is_not_told() -> None:
    diary = Diary()
    diary.look(START, problem("WAITS", "late"))
    assert diary.look(START + MINUTE, *[]) == []


def test_records_that_a_stopped_run_did_not_come_to_are_not_told_besides_what_stopped_it() -> None:
    (draft,) = Diary().look(START + HOUR, problem("BC_REFUSED"), problem("STOPPED"))
    assert [item.problem.name.reason for item in draft.items] == ["BC_REFUSED"]


@pytest.mark.parametrize(("minutes", "told_as"), [(59, "still"), (61, "new")])
def test_a_problem_that_comes_back_within_an_hour_is_not_new_and_waits_for_that_hour(
    minutes: int, told_as: str
) -> None:
    diary = Diary()
    diary.look(START, problem())
    mended = START + 30 * HOUR
    diary.look(mended - MINUTE, problem())
    diary.look(mended)
    back = problem(since=mended + minutes * MINUTE)
    diary.look(back.opened_at, back)
    diary.look(mended + HOUR, back)
    assert diary.kinds()[-2:] == ["mended", told_as]
    assert diary.sent[-1][0] == max(mended + HOUR, back.opened_at)


def test_what_a_database_in_use_does_not_tell_is_not_taken_for_mended() -> None:
    diary = Diary()
    diary.look(START, problem())
    gathered = Gathered((), unread=frozenset({FLOW}))
    assert follow(gathered, diary.tracks, START + MINUTE)[problem().name].closed_at is None


def test_a_flow_that_is_switched_off_is_told_nothing_of() -> None:
    diary = Diary()
    diary.look(START, problem())
    assert follow(Gathered((), off=frozenset({FLOW})), diary.tracks, START + MINUTE) == {}


def test_what_is_mended_is_told_where_it_was_told() -> None:
    system = problem("E-AUTH", "system", EVERY, "Winstore")
    diary = Diary()
    diary.alerts = AlertSettings(
        urls={"it": SecretStr("a"), "shop": SecretStr("b")}, routes=({"send": ["shop"], "flows": [FLOW]},)
    )
    diary.look(START, system)
    diary.look(START + MINUTE)
    assert [draft.channels for _, draft in diary.sent] == [("shop",), ("shop",)]
    assert diary.kinds() == ["new", "mended"]


@pytest.mark.parametrize(("quiet", "told_now"), [("", 1), ("11:00-12:00", 0), ("22:00-07:00", 1), ("09:00-11:00", 1)])
def test_quiet_hours_are_by_the_clock_of_their_time_zone(quiet: str, told_now: int) -> None:
    """10:00 UTC is 11:00 in Amsterdam in March."""
    assert len(Diary(quiet=quiet).look(START, problem())) == told_now


def test_the_end_of_a_guard_knows_which_flow_is_in_safe_mode(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, safe_mode=True)
    health = flow_health(ConnectedFlow(flow_named(FLOW), settings), Facts(), START)
    tracks = {problem("E-SOURCE", "guard", EVERY).name: Track(START, START, sent=1, told=True, flows=FLOW)}
    alerts = AlertSettings(urls={"mail": SecretStr("mailto://x")})
    (draft,) = due(Gathered((), (health,)), tracks, tracks, [], alerts, START)
    assert [(item.what, item.safe) for item in draft.items] == [("mended", (FLOW,))]
