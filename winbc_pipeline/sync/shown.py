"""What people see of a plan, field by field.

A new document's fields are told by its body: the planned table does not keep them twice.
"""

import json
from decimal import Decimal
from typing import Any

from ..staging.store import Row
from ..systems.business_central.client import dumps


def with_changes(row: Row) -> Row:
    """A planned row whose `changes` are made of its body where the plan keeps none."""
    if row["changes"] is not None:
        return row
    return row | {"changes": dumps(created(json.loads(row["body"], parse_float=Decimal))).decode()}


def created(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A new document field by field, its lines numbered as they stand."""
    made, lines = [], []
    for name, value in body.items():
        if isinstance(value, list):
            lines = value
        else:
            made.append({"field": name, "old": None, "new": value})
    for number, line in enumerate(lines, 1):
        made += [{"field": f"line {number} {name}", "old": None, "new": value} for name, value in line.items()]
    return made
