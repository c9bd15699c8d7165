"""What Winstore's answers hold: records in JSON or XML, flat rows of records, and pictures.

Source: winstore.md section 2 (words for booleans; ids are texts; an empty element means that the value is not known).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...errors import UnreadableAnswer
from ..exact_json import exact, may_repeat
from ..transport import Answer
from .profile import EntityProfile, GroupProfile

Row = dict[str, Any]
# A number of JSON with decimals, an exponent or 19 digits. Within a text it may be found, too; that costs time only.
INEXACT = re.compile(rb"[:\[,]\s*-?(?:\d+[.eE]|\d{19})")
NO_PICTURE = "404"  # assumed: the status code inside the answer


@dataclass(frozen=True)
class Picture:
    """A picture: its content type, such as `image/png`, and its bytes."""

    content_type: str
    content: bytes


def picture_in(answer: Answer, call: str) -> Picture | None:
    """The picture in an answer; None where the status code inside it says that there is none.

    Raises: UnreadableAnswer for anything else.
    """
    kind = answer.headers.get("content-type", "")
    if answer.status == 200 and kind.startswith("image/"):
        return Picture(kind, answer.content)
    code = records_in(answer, call, "result.statuscode")
    if [str(each) for each in code] == [NO_PICTURE]:
        return None
    raise UnreadableAnswer(f"Winstore's answer to {call} is no picture.")


def records_in(answer: Answer, call: str, path: str) -> list[Row]:
    """The records of an answer, in JSON or XML.

    Args:
        path: where the records are, such as `articles.article`; an empty value on the way means that there are none.
            The first name must be there: `null` or a list in its place says nothing.
    Raises: UnreadableAnswer when the path is not there.
    """
    if answer.status != 200:
        hint = "Check the call in the profile."
        if answer.status == 404:
            hint = "Check `winstore.base_url`, which ends before the name of the call, and the call in the profile."
        raise UnreadableAnswer(f"Winstore answers {answer.status} to {call}.", hint)
    is_json = "json" in answer.headers.get("content-type", "")
    content: Any = _from_json(answer) if is_json else _from_xml(answer.content)
    for place, name in enumerate(path.split(".")):
        if place and content in (None, "", []):
            return []
        if not isinstance(content, dict) or name not in content:
            raise UnreadableAnswer(f"Winstore's answer to {call} has no `{path}`.")
        content = content[name]
    return content if isinstance(content, list) else [content]


def exploded(row: Row, profile: EntityProfile) -> Iterator[Row]:
    """The flat rows of one record: one per inner record (`profile.explode`) with the fields of its parent, or one.

    A group of fields becomes single fields (see `_flat`). A parent without inner records gets a row of its own where
    the profile counts them, so that it is not lost. Its count is 0 when the parent says that there are none, and left
    out when it does not tell them: the field is missing, or empty, which means not known (winstore.md section 2).
    """
    row = {name: value for field, inner in row.items() for name, value in _flat(field, inner, profile)}
    if not profile.explode:
        yield row
        return
    inner = _inner(row.get(profile.explode))
    outer = {name: value for name, value in row.items() if name != profile.explode}
    if not inner and profile.count and profile.parent_key:
        is_told = row.get(profile.explode) not in (None, "")
        count = {profile.count: "0"} if is_told else {}
        yield outer | {profile.key[0]: outer.get(profile.parent_key)} | count
        return
    count = {profile.count: str(len(inner))} if profile.count else {}
    for item in inner:
        yield outer | {profile.inner.get(name, name): value for name, value in item.items()} | count


def _flat(field: str, value: Any, profile: EntityProfile) -> Iterator[tuple[str, Any]]:
    """A field, or the fields inside it, named by both: `delivery_add_city`."""
    if field in profile.groups:
        yield from _firsts(_inner(value), profile.groups[field])
    elif isinstance(value, dict) and field != profile.explode:
        yield from ((f"{field}_{name}", inner) for name, inner in value.items())
    else:
        yield field, value


def _firsts(records: list[Row], group: GroupProfile) -> Iterator[tuple[str, Any]]:
    """The number of records inside a record, and the fields of the first one of each kind, named by it."""
    yield group.count, str(len(records))
    # The default one comes first; otherwise they stay in their order.
    ordered = sorted(records, key=lambda each: str(each.get(group.first)).lower() != "true")
    for kind in dict.fromkeys(str(each.get(group.by)) for each in ordered):
        chosen = next(each for each in ordered if str(each.get(group.by)) == kind)
        yield from ((f"{kind}_{name}", value) for name, value in chosen.items() if name not in (group.by, group.first))


def _inner(value: Any) -> list[Row]:
    """The records inside a record. XML has an element around each: `variants.variant`."""
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def _from_json(answer: Answer) -> Any:
    """The answer, in which a number that a float cannot hold exactly is a text, as it was sent.

    Raises: UnreadableAnswer, also where a record has a field twice.
    """
    content = answer.json()  # refuses what the slower reader takes: NaN, halves of characters, too deep a nesting
    if INEXACT.search(answer.content) or may_repeat(answer.content, content):
        content = None  # large answers are not held twice
        content = exact(answer.content, str, str)
    return content


def _from_xml(content: bytes) -> Any:
    try:
        root = fromstring(content, forbid_dtd=True)
        return {root.tag: _value(root)}
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"Winstore's answer is not whole, safe XML ({type(error).__name__}).") from None


def _value(element: Element) -> Any:
    """The value of an element. Texts stay texts (an id may begin with 0), repeated elements become a list, and an
    empty element becomes None."""
    if not len(element):
        return (element.text or "").strip() or None
    groups: dict[str, list[Any]] = {}
    for child in element:
        groups.setdefault(child.tag, []).append(_value(child))
    return {tag: values if len(values) > 1 else values[0] for tag, values in groups.items()}
