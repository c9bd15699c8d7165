"""Messages in Dagster say why a record failed, and nothing of a person."""

import json
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from winbc_pipeline.build import build_defs
from winbc_pipeline.health.redaction import without_personal_data
from winbc_pipeline.orchestration.windows import range_tags

from ..support.sandboxes import FIRST, Sandboxes

BODY = {"number": "WS1", "displayName": "Anna O'Neil", "phoneNumber": "06-1234", "email": "anna@mail.example"}
FLOW = "customers_winstore_to_bc"
DAY = FIRST.replace(year=2026, month=3, day=1)


def row(message: str, **changes: Any) -> dict[str, Any]:
    planned = {"planned_action": "create", "body": json.dumps(BODY)}
    return {"reason": "BC_REFUSED", "message": message} | planned | changes


def test_the_programs_own_words_stay() -> None:
    words = "the lines come to 12.10 with VAT, the order to 12.00"
    assert without_personal_data(row(words, reason="TOTAL")) == words


@pytest.mark.parametrize(
    "value", ["Anna O'Neil", "anna", "O'NEIL", "06-1234", "anna@mail.example", "other@mail.example"]
)
def test_what_was_sent_of_a_person_is_cut_out_of_a_systems_words(value: str) -> None:
    told = without_personal_data(row(f"Dialog: the value '{value}' of customer WS1 is wrong"))
    assert value.lower() not in told.lower()
    assert "Dialog: the value" in told
    assert "of customer WS1 is wrong" in told


def test_of_a_record_that_was_there_already_only_the_code_is_told() -> None:
    told = without_personal_data(row("Dialog: Bram is known", planned_action="update"))
    assert told == "Dialog (`winbc trace` shows the rest)"


def test_why_somebody_ignored_a_record_is_not_told() -> None:
    assert without_personal_data(row("Anna phoned", reason="IGNORED")) == ""


def test_a_red_window_says_why_in_its_failure_and_its_table(sandboxes: Sandboxes, tmp_path: Path) -> None:
    sandboxes.fill(customers=[{"phone": "ask for Xanthippe"}])
    (tmp_path / "home").mkdir()
    job = build_defs(settings=sandboxes.settings).resolve_job_def(FLOW)
    with DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        tags = range_tags(DAY, DAY, sandboxes.settings)
        result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        said = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
        (shown,) = instance.fetch_observations(AssetKey(("synced", FLOW)), limit=1).records
    words = sandboxes.ledger("customers")["000123"]["message"]
    code = words.partition(":")[0]
    assert said is not None
    assert f"000123: {code}" in (said.description or "")
    observation = shown.asset_observation
    assert observation is not None
    (record,) = observation.metadata["records"].value.records
    assert record.data["message"].startswith(code)
    assert "Xanthippe" not in f"{said.description} {record.data}"
