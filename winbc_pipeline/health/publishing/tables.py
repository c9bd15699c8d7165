"""Publishes the rows of a flow's mapping tables, once for each version, for the stories of records.

Here belongs: which row made which field. The values that it made are published with the outcome, as far as they may be.
"""

from collections.abc import Iterator
from typing import Any

from ...staging.published import files
from ...sync.connected import ConnectedFlow


def publish_tables(connected: ConnectedFlow) -> None:
    """Publishes the present rows where this version was not published yet."""
    version = connected.mapping_version()
    path = files.tables_file(connected.settings, connected.flow.id, version)
    if not path.exists():
        files.write(path, {"rows": [*_rows(connected)]})


def _rows(connected: ConnectedFlow) -> Iterator[dict[str, Any]]:
    for part, compiled in connected.compiled().items():
        for line in (each.line for each in compiled.targets):
            yield {
                "part": part,
                "field": line.target_field,
                "place": line.place,
                "source": line.source,
                "default": line.default,
                "when": line.when,
            }
