"""What may stand in the cells of a table, for people who choose rather than type."""

from pathlib import Path

from ...errors import WinbcError
from ...mapping.tables import FEATURES, LOOKUPS, OWNERS, WHEN
from ...settings import Settings
from ...sync.connected import ConnectedFlow
from .drafts import flows_of_table


def offered(settings: Settings, table: Path) -> dict[str, list[str]]:
    """By column, values that a cell may have. Others may be right too: a formula, a dimension."""
    if table.parent.name == LOOKUPS:
        return {}
    choices = {"when": list(WHEN), "owner": list(OWNERS), "required": ["yes", "no"]}
    for flow in flows_of_table(settings, table):
        connected = ConnectedFlow(flow, settings)
        try:
            choices["source"] = sorted(connected.source_fields)
            part = next((each for each in flow.parts if each.table == table.name), None)
            if part and table.stem not in FEATURES:
                choices["target_field"] = sorted(connected.target_fields(part))
        except WinbcError:  # a profile that cannot be read offers nothing; the check says so
            continue
    return choices
