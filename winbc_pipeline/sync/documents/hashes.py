"""What a document was sent with: a hash per field of its header and of each line, without keeping the values.

A line's fields begin with its key; next to them stands its sequence in the document.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from ...staging.store import Row
from ...systems.business_central.client import dumps
from ..payloads import field_hashes, fields_of, is_blank
from .candidates import Candidate
from .decide import OWN_FIELDS, OWN_LINE_FIELDS

STEP = 10_000  # between the sequences of lines that are inserted with their document (behaviour.md section 14)
SEQUENCE = " sequence"
OF_THE_DEBTOR = "customerNumber"  # what is sent is not what the tables say
Hashes = dict[str, str]
OF_NOTHING = field_hashes({"": ""})[""]


def sent_hashes(order: Candidate) -> Hashes:
    """Of a document that is there already."""
    hashes = field_hashes(written(order.header, OWN_FIELDS))
    for line in order.lines:
        hashes |= field_hashes(written(line, OWN_LINE_FIELDS), f"{line['_key']} ")
    return hashes | sequences(order)


def unsent_hashes(order: Candidate) -> Hashes:
    """Of a document that is to be made: of the fields that it is made without. The others are in its body."""
    hashes = _empty(order.header, OWN_FIELDS)
    if OF_THE_DEBTOR in order.header:
        hashes |= field_hashes(written({OF_THE_DEBTOR: order.header[OF_THE_DEBTOR]}, ()))
    for line in order.lines:
        hashes |= _empty(line, OWN_LINE_FIELDS, f"{line['_key']} ")
    return hashes | sequences(order, anew=True)


def with_body(unsent: str, body: str, navigation: str) -> str:
    """The hashes that unsent_hashes made, with those of what is sent; all as JSON texts.

    Args:
        navigation: the body's property that holds the lines, in the order of their sequences.
    """
    hashes, fields = json.loads(unsent), fields_of(body)
    sent: Hashes = {}
    for key, line in zip(places(hashes), fields.pop(navigation), strict=False):
        sent |= field_hashes(line, f"{key} ")
    return dumps(field_hashes(fields) | sent | hashes).decode()


def sequences(order: Candidate, anew: bool = False) -> Hashes:
    """The sequence of each line by its key: as it was sent, else after all others; of a document that is made `anew`
    as Business Central will give them."""
    known = {} if anew else places(base_hashes(order.known))
    highest = max((int(text) for text in known.values()), default=0)
    given = {}
    for key in (line["_key"] for line in order.lines):
        if key not in known:
            highest += STEP
        given[f"{key}{SEQUENCE}"] = known.get(key, str(highest))
    return given


def places(hashes: Hashes) -> dict[str, str]:
    """The sequences alone, by the keys of their lines."""
    return {name.removesuffix(SEQUENCE): text for name, text in hashes.items() if name.endswith(SEQUENCE)}


def base_hashes(known: Row) -> Hashes:
    """What was last sent, as the ledger has it."""
    return json.loads(known["field_hashes"]) if known["field_hashes"] else {}


def written(fields: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """The fields that Business Central gets, nothing being an empty text."""
    return {name: "" if value is None else value for name, value in fields.items() if name not in own}


def _empty(fields: Mapping[str, Any], own: Collection[str], prefix: str = "") -> Hashes:
    """The hashes of those that hold nothing, and are written as an empty text."""
    return {
        prefix + name: OF_NOTHING for name, value in fields.items() if not value and is_blank(value) and name not in own
    }
