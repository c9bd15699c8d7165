"""Finds what a path names: a collection, a record, its content, a count or an action (behaviour.md section 1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog_error, not_found, unknown_segment
from ..data.schema import EntitySet, Where
from .media import CONTENT_PROPERTY, NO_PARENT, ONE_PER_PARENT, part_by_id, part_of
from .reading import NO_CONDITION, link_condition
from .writing import existing

SEGMENT = re.compile(r"([$\w.]+)(?:\(([^()]*)\))?")
Kind = Literal["collection", "record", "content", "count", "action", "nothing"]


@dataclass(frozen=True)
class Place:
    """What a path names. `where` limits a collection. `parent` holds the fields that a new record in it gets."""

    kind: Kind
    entity: EntitySet
    record: Record = field(default_factory=dict)
    where: Where = NO_CONDITION
    parent: Record = field(default_factory=dict)
    action: str = ""


def find_place(company: Company, sets: Mapping[str, EntitySet], path: str) -> Place:
    """What a path below the company names. `sets` are the entity sets by their names in paths. Raises Refused."""
    place: Place | None = None
    for part in path.split("/"):
        found = SEGMENT.fullmatch(part)
        if not found:
            raise unknown_segment(part.split("(")[0])
        name, key = found.group(1), found.group(2)
        place = _first(company, sets.get(name), name, key) if place is None else _next(company, place, name, key)
    if place is None:
        raise unknown_segment(path)
    return place


def _first(company: Company, entity: EntitySet | None, name: str, key: str | None) -> Place:
    if entity is None or name in ("companies", "subscriptions"):
        raise unknown_segment(name)
    return _keyed(company, Place("collection", entity), key)


def _keyed(company: Company, place: Place, key: str | None) -> Place:
    if key is None:
        return place
    if place.entity.name == "pictures":
        raise dialog_error(NO_PARENT)
    wanted = key.partition("=")[2] if "=" in key else key  # `(5c2a…)` or `(id=5c2a…)`
    record_id = wanted.strip("'").lower()
    found = part_by_id(company, place.entity, record_id) if place.entity.name in ONE_PER_PARENT else None
    return Place("record", place.entity, found or existing(company, place.entity, record_id))


def _next(company: Company, place: Place, name: str, key: str | None) -> Place:
    if name == "$count" and place.kind == "collection":
        return Place("count", place.entity, where=place.where)
    if place.kind != "record":
        raise unknown_segment(name)
    if name.startswith("Microsoft.NAV.") and name.rpartition(".")[2] in place.entity.actions:
        return Place("action", place.entity, place.record, action=name.rpartition(".")[2])
    if CONTENT_PROPERTY.get(place.entity.name) == name:
        return Place("content", place.entity, place.record)
    return _navigated(company, place, name, key)


def _navigated(company: Company, place: Place, name: str, key: str | None) -> Place:
    link = place.entity.navigation.get(name)
    if link is None:
        raise unknown_segment(name)
    target = company.entity(link.target)
    if link.target in ONE_PER_PARENT and not link.many:
        return Place("record", target, part_of(company, link, place.record))
    where = link_condition(place.record, link)
    if link.many:
        parent: Record = {link.other: place.record[link.own]}
        if link.type:
            field_name, value = link.type
            parent[field_name] = value
        found = _keyed_below(company, target, where, key)
        return found or Place("collection", target, where=where, parent=parent)
    rows = company.records.select(target.name, *where, limit=1)
    return Place("record", target, rows[0]) if rows else Place("nothing", target)


def _keyed_below(company: Company, target: EntitySet, where: Where, key: str | None) -> Place | None:
    if key is None:
        return None
    condition = f"{where[0]} AND json_extract(body, '$.{target.key}') = ?"
    rows = company.records.select(target.name, condition, [*where[1], key.strip("'").lower()], limit=1)
    if not rows:
        raise not_found(target.entity_name)
    return Place("record", target, rows[0])
