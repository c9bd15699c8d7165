"""Query options: `$filter`, `$select`, `$expand` with options inside, `$orderby`, `$top`, `$skip`, `$count`.

Here belongs: reading the options. How they become SQL: filter.py and paging.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..data.refusal import Refused, bad_request
from ..data.schema import EntitySet

UNSUPPORTED = ("$search", "$apply", "$compute", "$deltatoken")


@dataclass(frozen=True)
class Options:
    """The query options for one collection or record.

    `orderby` holds pairs of a field and whether it sorts downwards. `schema_2_1` is `$schemaversion=2.1`.
    """

    filter: str = ""
    select: tuple[str, ...] = ()
    expand: "dict[str, Options]" = field(default_factory=dict)
    orderby: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    skip_token: str = ""
    schema_2_1: bool = False


def parse(query: Mapping[str, str], entity: EntitySet, schema: Mapping[str, EntitySet]) -> Options:
    """The options of a query. Raises Refused for an option or a name that BC does not take."""
    for name in UNSUPPORTED:
        if name in query:
            raise Refused(501, "BadRequest_MethodNotImplemented", f"The query option '{name}' is not supported.")
    select = tuple(_split(query.get("$select", ""), ","))
    orderby: dict[str, bool] = {}
    for part in _split(query.get("$orderby", ""), ","):
        name, down = _sort_term(part)
        orderby.setdefault(name, down)  # a field that is named twice sorts by its first place
    for name in select:
        if name not in entity.fields and name != "*" and name not in entity.navigation:
            raise _unknown(name, entity)
    for name in orderby:
        if not sortable(entity, name):
            raise _unknown(name, entity)
    return Options(
        filter=query.get("$filter", ""),
        select=() if "*" in select else select,  # an empty $select means all fields
        expand=dict(_expansions(query.get("$expand", ""), entity, schema)),
        orderby=tuple(orderby.items()),
        top=_whole_number(query, "$top"),
        skip=_whole_number(query, "$skip") or 0,
        count=query.get("$count", "").lower() == "true",
        skip_token=query.get("$skiptoken", "").strip("'"),
        schema_2_1=query.get("$schemaversion") == "2.1",
    )


def unselected(options: Options) -> Options:
    """The same options without `$select`, for the records and for the expanded records inside."""
    expand = {name: unselected(inner) for name, inner in options.expand.items()}
    return replace(options, select=(), expand=expand)


def _expansions(text: str, entity: EntitySet, schema: Mapping[str, EntitySet]) -> Iterator[tuple[str, Options]]:
    """Each expanded navigation property, with the options in its brackets."""
    for part in _split(text, ","):
        found = re.fullmatch(r"(\w+)(?:\((.*)\))?", part, re.DOTALL)
        link = entity.navigation.get(found.group(1)) if found else None
        if not found or not link:
            raise _unknown(part, entity)
        inner = dict(piece.partition("=")[::2] for piece in _split(found.group(2) or "", ";"))
        yield found.group(1), parse(inner, schema[link.target], schema)


def sortable(entity: EntitySet, name: str) -> bool:
    """Whether a client may sort and filter by a field.

    The field must have one stored value: streams and the complex types of v1.0 have none.
    """
    facts = entity.fields.get(name)
    return facts is not None and facts.get("edm") != "Edm.Stream" and "complex" not in facts


def _unknown(name: str, entity: EntitySet) -> Refused:
    return bad_request(f"Could not find a property named '{name}' on type '{entity.type_name}'.")


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text. Separators inside brackets and quotes do not count."""
    parts, depth, quoted, current = [], 0, False, ""
    for character in text:
        if character == "'":
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
        elif character == ")" and not quoted:
            depth -= 1
        if character == separator and depth == 0 and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [part for part in (*parts, current.strip()) if part]


def _sort_term(part: str) -> tuple[str, bool]:
    """A field, and whether it sorts downwards."""
    name, _, rest = part.partition(" ")
    direction = rest.strip().lower()
    if direction not in ("", "asc", "desc"):
        raise bad_request(f"Syntax error in '$orderby' at '{part}'.")
    return name, direction == "desc"


def _whole_number(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", query[name]):
        raise bad_request(f"Invalid value '{query[name]}' for {name} query option found. It must be non-negative.")
    return int(query[name])
