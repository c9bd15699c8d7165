"""Which values of records are published: those that tell nothing of a person.

Here belongs: the rule. All values of goods are open; of people's records codes, numbers, dates and amounts are. What is
not open is published as MASKED, whatever it holds, so that nothing of a person rests in what runs publish.
"""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import orjson

from ...staging.load import StagingTable
from ...staging.people.fields import FREE_TEXTS, is_open
from ...staging.published.outcomes import MASKED
from ...sync.connected import CompiledTables, ConnectedFlow
from ...sync.flow import Flow
from ...sync.part import Part

GOODS = ("products", "stock")  # flows whose records hold no values of people
ADDED = ("number", "customerNumber", "itemId", "accountId")  # fields of a body that no table fills
NUMBERS = (int, float, bool)
NO_FIELDS: frozenset[str] = frozenset()
# The change of a field of a document's line, but of its free texts.
OF_A_LINE = re.compile(rf"line \d+ (?!({'|'.join(FREE_TEXTS)})$)\w+", re.ASCII)
E_MAIL = r"[^\s\"@]+@[^\s\"@]+"


@dataclass(frozen=True)
class Open:
    """Which fields of a flow's records are open, for all records at once: the files of the mapping are read for it.

    Attributes:
        source: whether each field of the source that a formula names, or that is a key, is open.
        target: by part, the open fields among those that the part's table fills, or that the program adds.
    """

    source: Mapping[str, bool]
    target: Mapping[str, list[str]]


def is_open_source(connected: ConnectedFlow, name: str) -> bool:
    """Whether a field of the source tells nothing of a person: it is of goods, a key, or open by its name and kind."""
    staging = connected.staging
    kind = staging.fields.get(name) or connected.source_fields.get(name, "text")
    return _is_open(connected.flow, staging, name, kind)


def _is_open(flow: Flow, staging: StagingTable, name: str, kind: str) -> bool:
    return holds_goods(flow) or name in staging.key or is_open(name, kind)


def is_open_target(connected: ConnectedFlow, part: Part, name: str) -> bool:
    """The same of a field of the target; one of few words (an option) tells nothing of a person."""
    if holds_goods(connected.flow):
        return True
    field = connected.target_fields(part).get(name)
    return field is not None and (bool(field.options) or is_open(name, field.kind))


def open_in(connected: ConnectedFlow) -> Open:
    """Which fields of a flow's records are open, by the present tables."""
    flow, staging, compiled = connected.flow, connected.staging, connected.compiled()
    used = {name for own in compiled.values() for name in own.reads | own.named} | {*staging.key}
    source = {name: _is_open(flow, staging, name, kind) for name, kind in staging.fields.items() if name in used}
    return Open(source, {part.name: _open_fields(connected, part, compiled) for part in connected.parts})


def _open_fields(connected: ConnectedFlow, part: Part, compiled: CompiledTables) -> list[str]:
    fields = connected.target_fields(part)
    names = [each.line.target_field for each in compiled[part.name].targets] if part.name in compiled else []
    filled = [fields[name] for name in dict.fromkeys((*names, *ADDED)) if name in fields]
    return [each.name for each in filled if each.options or is_open(each.name, each.kind)]


@dataclass(frozen=True)
class Mask:
    """Takes what tells something of a person out of what was sent and changed.

    Attributes:
        sent, changed: by part, the names of the open fields in bodies of calls, and in changes.
        lines: the name of the field with the lines of a document; empty where there are none.
    """

    sent: Mapping[str, Set[str]]
    changed: Mapping[str, Set[str]]
    lines: str

    def body(self, part: str, text: str | None) -> str | None:
        """The body of a call (JSON) with the values of open fields only.

        None for a list of operations, as some changes of documents are.
        """
        content = orjson.loads(text) if text else None
        if not isinstance(content, dict):
            return None
        self._mask(content, self.sent.get(part, NO_FIELDS))
        return orjson.dumps(content).decode()

    def _mask(self, body: dict[str, Any], shown: Set[str]) -> None:
        """Masks a body in its place. It costs a run, so most fields are left by the first condition that holds."""
        for name, value in body.items():
            if value and name not in shown:
                if value.__class__ is str:
                    body[name] = MASKED
                elif name == self.lines:
                    _mask_lines(value)
                elif value.__class__ not in NUMBERS:
                    body[name] = MASKED

    def changes(self, part: str, text: str | None) -> str | None:
        """The changes of a record (JSON: a list of `field`, `old`, `new`) with the values of open fields only."""
        if not text:
            return None
        shown, changes = self.changed.get(part, NO_FIELDS), orjson.loads(text)
        for change in changes:
            if change["field"] not in shown and not OF_A_LINE.fullmatch(change["field"]):
                change.update({name: MASKED for name in ("old", "new") if change.get(name) is not None})
        return orjson.dumps(changes).decode()


def _mask_lines(lines: Iterable[dict[str, Any]]) -> None:
    for line in lines:
        for name in FREE_TEXTS:
            if name in line:
                line[name] = MASKED


def mask_of(connected: ConnectedFlow, known: Open) -> Mask:
    """What is taken out of what a flow sends and changes."""
    document = connected.flow.document
    kind = document.kind(connected.settings) if document else None
    shown = {part: frozenset(names) for part, names in known.target.items()}
    of_document = {connected.flow.main: shown[kind.header]} if kind else {}
    return Mask(shown | of_document, shown, kind.navigation if kind else "")


def holds_goods(flow: Flow) -> bool:
    """Whether the flow's records are about things, and hold no values of people."""
    return flow.name in GOODS
