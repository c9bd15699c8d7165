"""Which values of records are published: those that tell nothing of a person.

Here belongs: the rule. All values of goods are open; of people's records codes, numbers, dates and amounts are. What is
not open is published as MASKED, whatever it holds, so that nothing of a person rests in what runs publish.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import orjson

from ...staging.people.fields import FREE_TEXTS, is_open
from ...staging.published.outcomes import MASKED
from ...sync.connected import ConnectedFlow
from ...sync.flow import Flow, Part

GOODS = ("products", "stock")  # flows whose records hold no values of people
ADDED = ("number", "customerNumber", "itemId", "accountId")  # fields of a body that no table fills
NUMBERS = (int, float)
E_MAIL = r"[^\s\"@]+@[^\s\"@]+"


def is_open_source(connected: ConnectedFlow, name: str) -> bool:
    """Whether a field of the source tells nothing of a person: it is of goods, a key, or open by its name and kind."""
    staging = connected.staging
    if holds_goods(connected.flow) or name in staging.key:
        return True
    return is_open(name, staging.fields.get(name) or connected.source_fields.get(name, "text"))


def is_open_target(connected: ConnectedFlow, part: Part, name: str) -> bool:
    """The same of a field of the target; one of few words (an option) tells nothing of a person."""
    if holds_goods(connected.flow):
        return True
    field = connected.target_fields(part).get(name)
    return field is not None and (bool(field.options) or is_open(name, field.kind))


def open_source(connected: ConnectedFlow) -> Mapping[str, bool]:
    """Whether each field of the source that a formula names, or that is a key, is open."""
    staging, compiled = connected.staging, connected.compiled().values()
    used = {name for own in compiled for name in own.reads | own.named} | {*staging.key}
    return {name: is_open_source(connected, name) for name in staging.fields if name in used}


def open_fields(connected: ConnectedFlow, part: Part) -> list[str]:
    """The open fields of the target among those that a part's table fills, or that the program adds."""
    fields, compiled = connected.target_fields(part), connected.compiled().get(part.name)
    names = [each.line.target_field for each in compiled.targets] if compiled else []
    filled = [fields[name] for name in dict.fromkeys((*names, *ADDED)) if name in fields]
    return [each.name for each in filled if each.options or is_open(each.name, each.kind)]


def masked_bodies(connected: ConnectedFlow, rows: Iterable[tuple[int, str, str]]) -> tuple[list[int], list[str]]:
    """The bodies of calls with the values of open fields only: their numbers, and the bodies as JSON.

    A body that is a list of operations, as some changes of documents are, is left out.

    Args:
        rows: number, part and body of each.
    """
    document, numbers, bodies = connected.flow.document, [], []
    kind = document.kind(connected.settings) if document else None
    shown = {part.name: frozenset(open_fields(connected, part)) for part in connected.parts}
    if kind:
        shown[connected.flow.main] = shown[kind.header]
    for number, part, body in rows:
        content = orjson.loads(body)
        if isinstance(content, dict):
            _mask(content, shown.get(part, frozenset()), kind.navigation if kind else "")
            numbers.append(number)
            bodies.append(orjson.dumps(content).decode())
    return numbers, bodies


def _mask(body: dict[str, Any], shown: Set[str], lines: str) -> None:
    """Masks a body in its place."""
    for name, value in body.items():
        if value and value.__class__ is not bool and name not in shown:
            if value.__class__ is str:
                body[name] = MASKED
            elif name == lines:
                for line in value:
                    line.update({name: MASKED for name in FREE_TEXTS if name in line})
            elif value.__class__ not in NUMBERS:
                body[name] = MASKED


def holds_goods(flow: Flow) -> bool:
    """Whether the flow's records are about things, and hold no values of people."""
    return flow.name in GOODS
