"""A long read says how far it is, where people look: in the log of Dagster's step and in the command line.

Source: docs/reliability.md, "A long read says how far it is".
"""

import io
from datetime import UTC, date, datetime

import pytest
from dagster import DagsterInstance
from rich.console import Console

from winbc_pipeline.build import build_defs
from winbc_pipeline.cli.output import bar
from winbc_pipeline.flows import flow_named
from winbc_pipeline.orchestration.windows import range_tags
from winbc_pipeline.staging import spool
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.reading import stage as staging
from winbc_pipeline.sync.reading.stage import stage
from winbc_pipeline.sync.reading.time_left import in_words

from ..support.sandboxes import FIRST, Sandboxes

MARCH = date(2026, 3, 1), date(2026, 3, 4)
BEGAN, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


def test_after_a_quarter_of_the_time_in_which_records_changed_three_times_as_long_is_left() -> None:
    reached = datetime(2026, 1, 31, tzinfo=UTC)
    assert in_words(12340, 240, BEGAN, reached, ENDS) == (
        "12,340 records read in 4 minutes, up to those modified on 2026-01-31 00:00 UTC. "
        "About 12 minutes left, if the others were modified as evenly."
    )


@pytest.mark.parametrize("reached", [BEGAN, ENDS], ids=["all of one moment", "up to the present one"])
def test_no_time_is_told_where_the_moments_tell_nothing(reached: datetime) -> None:
    assert "left" not in in_words(5, 30, BEGAN, reached, ENDS)


def test_records_in_no_order_are_only_counted() -> None:
    assert in_words(5, 30, None, None, ENDS).startswith("5 records read in 30 s. The time left is not known")


@pytest.fixture
def hurried(sandboxes: Sandboxes, monkeypatch: pytest.MonkeyPatch) -> Sandboxes:
    """Three articles; each answer is committed by itself, and every read counts as long."""
    monkeypatch.setattr(spool, "CHUNK_BYTES", 1)
    monkeypatch.setattr(staging, "COMMIT_S", 0)
    sandboxes.fill(
        articles=[
            {"sku": f"S{n}", "article_key": f"{n}", "modified_at": f"2026-03-0{n}T10:00:00.000Z"} for n in (1, 2, 3)
        ]
    )
    return sandboxes


def test_a_read_is_told_of_with_each_commit(hurried: Sandboxes) -> None:
    told: list[str] = []
    stage(ConnectedFlow(flow_named("products"), hurried.settings), FIRST, told=told.append)
    assert told[-1].startswith("3 records read")
    assert "up to those modified on 2026-03-03 10:00 UTC" in told[-1]


def test_a_short_read_says_nothing(sandboxes: Sandboxes) -> None:
    sandboxes.fill()
    told: list[str] = []
    stage(ConnectedFlow(flow_named("products"), sandboxes.settings), FIRST, told=told.append)
    assert told == []


def test_the_log_of_dagster_has_it(hurried: Sandboxes) -> None:
    job = build_defs(settings=hurried.settings).resolve_job_def(flow_named("products").id)
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, tags=range_tags(*MARCH, hurried.settings), raise_on_error=False
        )
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any(words.startswith("3 records read") for words in said)


def test_the_command_line_shows_it_beside_the_step() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    with bar(console, "products", 4) as begin:
        begin("staging")
        begin.tell("3 records read")
    assert "products: staging: 3 records read" in console.file.getvalue()  # type: ignore[attr-defined]
