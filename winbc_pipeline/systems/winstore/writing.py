"""Writes records for Winstore as XML, and reads its answer.

Here belongs: the form of a call that writes. When it may be sent, and sent again, belongs to sync/.
Source: winstore.md section 2 (the XML of an order). The form of the answer is assumed, so the profile names it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..transport import Answer, Lost
from .profile import AnsweredProfile, WriteProfile

Fields = Mapping[str, Any]
NOT_IN_XML = re.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")  # XML 1.0, section 2.2


@dataclass(frozen=True)
class Receipt:
    """The answer of Winstore to a record: whether it took the record, its status code and its message.

    Attributes:
        id: the key of the record in Winstore; empty where the answer does not say it.
        modified: the record's modification moment after the write, as Winstore writes it; empty where it is not said.
    """

    taken: bool
    code: str
    message: str
    id: str = ""
    modified: str = ""


def first_field_not_in_xml(fields: Fields, lines: Iterable[Fields]) -> str | None:
    """The name of the first field with a character that XML cannot carry; None when there is none."""
    for each in (fields, *lines):
        for name, value in each.items():
            if isinstance(value, str) and NOT_IN_XML.search(value):
                return name
    return None


def document(profile: WriteProfile, fields: Fields, lines: Iterable[Fields]) -> bytes:
    """The XML of one record, in UTF-8.

    The fields stand in the profile's order, `invoice_add.city` inside `invoice_add`. Fields that are None are left out;
    an empty text is an empty element.
    Raises: ValueError for a character that XML cannot carry.
    """
    lines = list(lines)
    if name := first_field_not_in_xml(fields, lines):
        raise ValueError(f"{name}: a character that XML cannot carry")
    root = Element(profile.root)
    _fill(root, profile.fields, fields)
    outer, _, inner = profile.lines_in.partition(".")
    if lines:
        group = SubElement(root, outer)
        for line in lines:
            _fill(SubElement(group, inner), profile.lines, line)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _fill(element: Element, names: Iterable[str], fields: Fields) -> None:
    for name in names:
        if fields.get(name) is None:
            continue
        *groups, last = name.split(".")
        inside = element
        for group in groups:
            found = inside.find(group)
            inside = SubElement(inside, group) if found is None else found
        SubElement(inside, last).text = _text(fields[name])


def _text(value: Any) -> str:
    """A value as Winstore reads it: `true` and `false`, decimals with a point and without an exponent."""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def receipt(profile: AnsweredProfile, answer: Answer) -> Receipt:
    """What an answer says of the record.

    Only a code of 400 to 499 certainly refuses the record. A fault of the server may have happened after it was taken.
    Raises: Lost when the answer does not say whether the record was taken.
    """
    if 400 <= answer.status < 500 and answer.status != 408:  # 408: the server gave up waiting, nobody knows for what
        return Receipt(False, str(answer.status), "the call itself is refused")
    places = (profile.code, profile.message, profile.id, profile.modified)
    code, message, key, modified = _said(places, answer) if answer.status == 200 else [""] * len(places)
    if code in profile.taken:
        return Receipt(True, code, message, key, modified)
    if not re.fullmatch(r"4\d\d", code):
        raise Lost("Winstore's answer does not say whether it took the record")
    return Receipt(False, code, message)


def _said(places: Iterable[str], answer: Answer) -> list[str]:
    """What an answer says at the places that the profile names; empty where there is nothing."""
    try:
        root = fromstring(answer.content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return ["" for _ in places]
    return [_at(root, place) for place in places]


def _at(root: Element, path: str) -> str:
    """The first text at a path such as `result.statuscode`; the root's own name begins it."""
    return next(_found(root, path.split(".")), "")


def _found(element: Element, path: list[str]) -> Iterator[str]:
    if element.tag == path[0]:
        if len(path) == 1:
            yield (element.text or "").strip()
        for child in element if len(path) > 1 else ():
            yield from _found(child, path[1:])
