"""One record's story, put together from the moves that were published of it.

Here belongs: which row of a table made which value, what was read, looked up, sent and answered. Values of people are
MASKED here; shown.py reads them where somebody asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ...settings import Settings
from ...staging.published import files
from ...staging.published.outcomes import NOTHING, SEPARATOR
from ...staging.store import Row
from .activity import story as moves_of


@dataclass(frozen=True)
class Made:
    """A field of the target: its value, and the row of the table that makes it (None: the program adds it)."""

    field: str
    value: str
    row: Mapping[str, str] | None


@dataclass(frozen=True)
class Story:
    """What is known of a record.

    Attributes:
        moves: all that happened, the oldest first.
        read: the rows of the source, each by field; fields that are alike in all rows are only in `alike`.
        made: the fields that were sent last, of the main part first.
        lines: the lines that were sent with them, each by field.
        lookups: what was looked up last, in words.
        changes: what was changed last: `field`, `old`, `new`.
    """

    moves: list[Row]
    alike: dict[str, str]
    read: list[dict[str, str]]
    made: list[Made]
    lines: list[dict[str, str]]
    lookups: list[str]
    changes: list[dict[str, str]]

    @property
    def last(self) -> Row:
        """The newest move of the part that people name the record by."""
        return next((move for move in reversed(self.moves) if move["is_main"]), self.moves[-1])


def story(settings: Settings, flow: str, key: str) -> Story | None:
    """The story of a record, by its flow's id and its key; None when nothing was published of it."""
    moves = moves_of(settings, flow, key)
    if not moves:
        return None
    alike, rows = _read(_newest(moves, "read"))
    sent = _newest(moves, "sent")
    body: dict[str, Any] = orjson.loads(sent["sent"]) if sent else {}
    lines = next((value for value in body.values() if isinstance(value, list)), [])
    looked_up, changed = _newest(moves, "lookups"), _newest(moves, "changes")
    return Story(
        moves,
        alike,
        rows,
        [*_made(settings, flow, sent, body)] if sent else [],
        [{name: text(value) for name, value in line.items()} for line in lines],
        orjson.loads(looked_up["lookups"]) if looked_up else [],
        [{name: text(value) for name, value in each.items()} for each in _listed(changed)],
    )


def _listed(changed: Row | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(changed["changes"]) if changed else []
    return found


def _newest(moves: list[Row], column: str) -> Row | None:
    """The newest move that has a column, of the main part if it can be."""
    having = [move for move in moves if move[column]]
    return max(having, key=lambda move: (move["is_main"], move["moment"]), default=None)


def _read(move: Row | None) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What all rows of the source have alike, and the rest of each row."""
    if move is None:
        return {}, []
    names = move["read_fields"].split(SEPARATOR)
    rows = [dict(zip(names, each.split(SEPARATOR), strict=False)) for each in move["read"]]
    same = [name for name in names if len({row.get(name) for row in rows}) == 1]
    alike = {name: rows[0][name] for name in same if rows[0].get(name, NOTHING) != NOTHING}
    own = [{name: value for name, value in row.items() if name not in same and value != NOTHING} for row in rows]
    return alike, [row for row in own if row]


def _made(settings: Settings, flow: str, sent: Row, body: Mapping[str, Any]) -> Iterator[Made]:
    version = sent["mapping_version"] or ""
    known = files.read(files.tables_file(settings, flow, version)).get("rows", [])
    by_field = {row["field"]: row for row in known if row["part"] == sent["part"]} or {
        row["field"]: row for row in reversed(known)
    }
    for name, value in body.items():
        if not isinstance(value, list):
            yield Made(name, text(value), by_field.get(name))


def text(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
