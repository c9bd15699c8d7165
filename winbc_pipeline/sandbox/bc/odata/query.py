"""Query options: `$filter`, `$select`, `$expand` with options inside, `$orderby`, `$top`, `$skip`, `$count`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..data.refusal import Refused, bad_request
from ..data.schema import EntitySet

UNSUPPORTED = ("$search", "$apply", "$compute", "$deltatoken")


@dataclass(frozen=True)
class Options:
    """The query options of one collection or record."""

    filter: str = ""
    select: tuple[str, ...] = ()
    expand: "dict[str, Options]" = field(default_factory=dict)
    orderby: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    after: str = ""
    newer_schema: bool = False


def parse(query: Mapping[str, str], entity: EntitySet, schema: Mapping[str, EntitySet]) -> Options:
    """Options of a query; raises Refused with BC's words for what it does not take."""
    for name in UNSUPPORTED:
        if name in query:
            raise Refused(501, "BadRequest_MethodNotImplemented", f"The query option '{name}' is not supported.")
    select = tuple(_listed(query.get("$select", ""), ","))
    orderby: dict[str, bool] = {}
    for part in _listed(query.get("$orderby", ""), ","):
        name, down = _order(part)
        orderby.setdefault(name, down)  # named again, it orders nothing any more
    for name in select:
        if name not in entity.fields and name != "*" and name not in entity.navigation:
            raise _unknown(name, entity)
    for name in orderby:
        if not sortable(entity, name):
            raise _unknown(name, entity)
    return Options(
        filter=query.get("$filter", ""),
        select=() if "*" in select else select,
        expand=dict(_expansions(query.get("$expand", ""), entity, schema)),
        orderby=tuple(orderby.items()),
        top=_number(query, "$top"),
        skip=_number(query, "$skip") or 0,
        count=query.get("$count", "").lower() == "true",
        after=query.get("$skiptoken", "").strip("'"),
        newer_schema=query.get("$schemaversion") == "2.1",
    )


def unselected(options: Options) -> Options:
    """The same, with all fields of the records and of those inside."""
    expand = {name: unselected(inner) for name, inner in options.expand.items()}
    return replace(options, select=(), expand=expand)


def _expansions(text: str, entity: EntitySet, schema: Mapping[str, EntitySet]) -> Iterator[tuple[str, Options]]:
    for part in _listed(text, ","):
        found = re.fullmatch(r"(\w+)(?:\((.*)\))?", part, re.DOTALL)
        link = entity.navigation.get(found.group(1)) if found else None
        if not found or not link:
            raise _unknown(part, entity)
        inner = dict(piece.partition("=")[::2] for piece in _listed(found.group(2) or "", ";"))
        yield found.group(1), parse(inner, schema[link.target], schema)


def sortable(entity: EntitySet, name: str) -> bool:
    """Whether a field has one stored value, to order and to filter by: not a stream, not a complex type of v1.0."""
    facts = entity.fields.get(name)
    return facts is not None and facts.get("edm") != "Edm.Stream" and "complex" not in facts


def _unknown(name: str, entity: EntitySet) -> Refused:
    return bad_request(f"Could not find a property named '{name}' on type '{entity.type_name}'.")


def _listed(text: str, separator: str) -> list[str]:
    """The parts between separators that stand outside of brackets and quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    for sign in text:
        quoted ^= sign == "'"
        if not quoted:
            depth += (sign == "(") - (sign == ")")
        if sign == separator and depth == 0 and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += sign
    return [part for part in (*parts, current.strip()) if part]


def _order(part: str) -> tuple[str, bool]:
    name, _, way = part.partition(" ")
    if way.strip().lower() not in ("", "asc", "desc"):
        raise bad_request(f"Syntax error in '$orderby' at '{part}'.")
    return name, way.strip().lower() == "desc"


def _number(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", query[name]):
        raise bad_request(f"Invalid value '{query[name]}' for {name} query option found. It must be non-negative.")
    return int(query[name])
