"""Activity: every record by filter, its export, and its story. Source: docs/dashboard.md."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from winbc_pipeline.audit import log
from winbc_pipeline.dashboard.reading import counts
from winbc_pipeline.flows.orders import ORDERS_TO_BC
from winbc_pipeline.staging.published import files

from .conftest import Shown

STORY = f"/activity/{ORDERS_TO_BC.id}"


def keys(seen_day: Shown, **wanted: str) -> list[str]:
    """Keys of the records that the export gives for a filter."""
    text = seen_day.browser().get("/activity.csv", params=wanted).text
    return [row["key"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))) if row["part"] == "order"]


def test_every_outcome_is_listed_with_its_reason_and_number(seen_day: Shown) -> None:
    text = seen_day.browser().get("/activity").text
    assert "W1" in text and "S-ORD00001" in text and "not in lookup table tax_groups" in text


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "w2"}, ["W2"]),
        ({"text": "s-ord"}, ["W1"]),
        ({"state": "created"}, ["W1"]),
        ({"state": "open"}, ["W2"]),
        ({"state": "FAILED"}, ["W2"]),
        ({"reason": "MAPPING"}, ["W2"]),
        ({"run": "run-1"}, ["W1", "W2"]),
        ({"flow": "stock_winstore_to_bc"}, []),
        ({"first": "2026-03-11"}, []),
        ({"last": "2026-03-10"}, ["W1", "W2"]),
    ],
)
def test_a_filter_gives_the_records_that_it_names(seen_day: Shown, wanted: dict[str, str], found: list[str]) -> None:
    assert sorted(keys(seen_day, **wanted)) == found


@pytest.mark.parametrize("name", ["text", "flow", "state", "reason", "run"])
def test_a_filter_is_a_value_and_no_sql(seen_day: Shown, name: str) -> None:
    answer = seen_day.browser().get("/activity", params={name: "x') OR true --"})
    assert answer.status_code == 200 and "W1" not in answer.text


def test_a_day_that_is_none_is_refused(seen_day: Shown) -> None:
    assert seen_day.browser().get("/activity", params={"first": "tomorrow"}).status_code == 400


def test_a_story_tells_what_was_read_looked_up_sent_and_answered(seen_day: Shown) -> None:
    text = seen_day.browser().get(f"{STORY}/W1").text
    for words in ("SKU-1", "not there", "WS-W1", "order.csv row", "the target has it", "27.83"):
        assert words in text


def test_a_story_has_no_value_of_a_person(seen_day: Shown) -> None:
    text = seen_day.browser("admin").get(f"{STORY}/W1").text
    assert "Groen" not in text and "Kerkweg" not in text and "•••" in text


def test_who_asks_for_peoples_values_gets_them_and_is_noted(seen_day: Shown) -> None:
    settings = seen_day.orders.settings
    text = seen_day.browser("operate").post(f"{STORY}/W1").text
    *_, last = log.entries(settings)
    assert "Groen" in text
    assert (last.act, last.who, last.subject) == ("show", "dashboard:operate", ORDERS_TO_BC.id)
    assert last.records == (log.marked(settings, "W1"),)


def test_a_role_that_only_looks_gets_no_values_of_people(seen_day: Shown) -> None:
    answer = seen_day.browser("view").post(f"{STORY}/W1")
    assert answer.status_code == 403 and "Groen" not in answer.text


def test_a_record_that_nobody_knows_is_not_found(seen_day: Shown) -> None:
    assert seen_day.browser().get(f"{STORY}/W99").status_code == 404
    assert seen_day.browser("operate").post("/activity/no_flow/W1").status_code == 404


def test_a_file_that_was_put_into_another_one_while_a_page_reads_is_no_error(
    seen_day: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    present, asked = files.outcome_files, list[int]()

    def gone_at_the_second_look(*given: Any) -> list[Path]:
        asked.append(1)
        return [Path("20260310.gone.parquet")] if len(asked) == 2 else present(*given)

    monkeypatch.setattr(counts, "_known", {})
    monkeypatch.setattr(files, "outcome_files", gone_at_the_second_look)
    today = seen_day.orders.now.date()
    found = counts.counted(seen_day.orders.settings, [today - timedelta(days=1), today])
    assert found[today].counts[ORDERS_TO_BC.id] == counts.Counts(created=1, failed=1) and len(asked) > 4
