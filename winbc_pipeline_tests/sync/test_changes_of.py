"""What a planned row changes in fields beside its record, such as dimensions and fields of the companion app.

The plan keeps no changes of a new record: its body says them (docstring of workbench/plans.py).
"""

import json

import pytest

from winbc_pipeline.sync.plan_table import changes_of

BODY = {"number": "MUG", "app.webId": "7"}
NEW = [{"field": "app.webId", "old": None, "new": "7"}]
CHANGED = [{"field": "number", "old": "CUP", "new": "MUG"}, {"field": "app.webId", "old": "6", "new": "7"}]


@pytest.mark.parametrize("body", [BODY, json.dumps(BODY)], ids=["fields", "text"])
def test_a_new_record_changes_what_its_body_says(body: object) -> None:
    assert changes_of({"changes": None, "body": body}, "app.") == NEW


def test_a_change_is_told_by_its_changes_whatever_its_body_repeats() -> None:
    row = {"changes": json.dumps(CHANGED), "body": json.dumps(BODY | {"app.longDescription": "as before"})}
    assert changes_of(row, "app.") == CHANGED[1:]


def test_a_row_that_changes_no_such_field_has_none() -> None:
    assert changes_of({"changes": json.dumps(CHANGED[:1]), "body": json.dumps(BODY)}, "app.") == []
