"""Keeps what a document was sent with, without its values: a hash per field of its header and of each line.

The names of a line's hashes begin with the key of the line: `W1/2 quantity`. Beside them stands the line's sequence in
the document, as it is: `W1/2 sequence`.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from ...staging.store import Row
from ...systems.business_central.client import dumps
from ..payloads import field_hashes, fields_of, is_blank
from .by_key.request import STEP
from .candidates import Candidate
from .decide import OWN_LINE_FIELDS, own_fields

SEQUENCE = " sequence"
CUSTOMER = "_customer"  # name of the hash of whom the order is for
OF_THE_DEBTOR = "customerNumber"  # field whose value is the debtor's, whatever the tables say
Hashes = dict[str, str]


def sent_hashes(order: Candidate) -> Hashes:
    """The hashes of an order's document that is there already."""
    key = order.hash_key
    hashes = field_hashes(key, written(order.header, own_fields(order)))
    for line in order.lines:
        hashes |= field_hashes(key, written(line, OWN_LINE_FIELDS), f"{line['_key']} ")
    return hashes | sequences(order) | {CUSTOMER: customer_hash(order)}


def unsent_hashes(order: Candidate) -> Hashes:
    """The hashes of an order's document that is to be made, without those of its body.

    These are the hashes of fields that the body leaves out. `with_body` adds the others when the body is sent, so
    planning does not have to make them.
    """
    key = order.hash_key
    hashes = _empty(key, order.header, own_fields(order))
    if OF_THE_DEBTOR in order.header:
        hashes |= field_hashes(key, written({OF_THE_DEBTOR: order.header[OF_THE_DEBTOR]}, ()))
    for line in order.lines:
        hashes |= _empty(key, line, OWN_LINE_FIELDS, f"{line['_key']} ")
    return hashes | sequences(order, anew=True) | {CUSTOMER: customer_hash(order)}


def customer_hash(order: Candidate) -> str:
    """The hash of the source's customer of an order. It tells when the order is for somebody else."""
    return field_hashes(order.hash_key, {CUSTOMER: order.customer_sign})[CUSTOMER]


def with_body(hash_key: str, unsent: str, body: str, navigation: str) -> str:
    """All hashes of a document that is sent, as a JSON text.

    Args:
        hash_key: the key of the hashes.
        unsent: the hashes of `unsent_hashes`, as a JSON text.
        body: the document as it is sent, as a JSON text.
        navigation: the body's property that holds the lines, in the order of their sequences.
    """
    hashes = json.loads(unsent)
    fields = fields_of(body)
    sent: Hashes = {}
    for key, line in zip(places(hashes), fields.pop(navigation), strict=False):
        sent |= field_hashes(hash_key, line, f"{key} ")
    return dumps(field_hashes(hash_key, fields) | sent | hashes).decode()


def sequences(order: Candidate, anew: bool = False) -> Hashes:
    """The sequence of each line of an order, by the name of its hash.

    A line keeps the sequence that it was sent with. A new line comes after all others.

    Args:
        anew: the document is to be made, so all sequences are those that Business Central will give.
    """
    known = {} if anew else places(base_hashes(order.known))
    highest = max((int(text) for text in known.values()), default=0)
    given = {}
    for key in (line["_key"] for line in order.lines):
        if key not in known:
            highest += STEP
        given[f"{key}{SEQUENCE}"] = known.get(key, str(highest))
    return given


def places(hashes: Hashes) -> dict[str, str]:
    """The sequences among the hashes, by the key of their line."""
    return {name.removesuffix(SEQUENCE): text for name, text in hashes.items() if name.endswith(SEQUENCE)}


def base_hashes(known: Row) -> Hashes:
    """The hashes of what was last sent, as the ledger has them."""
    return json.loads(known["field_hashes"]) if known["field_hashes"] else {}


def written(fields: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """The fields that Business Central gets. None becomes an empty text.

    Args:
        own: fields that are the flow's own and are never sent.
    """
    return {name: "" if value is None else value for name, value in fields.items() if name not in own}


def _empty(hash_key: str, fields: Mapping[str, Any], own: Collection[str], prefix: str = "") -> Hashes:
    """The hashes of the fields that hold nothing, which count as an empty text."""
    of_nothing = field_hashes(hash_key, {"": ""})[""]
    # `not value` is the cheap test, and false for most fields: this runs for every field of every order.
    return {
        prefix + name: of_nothing for name, value in fields.items() if not value and is_blank(value) and name not in own
    }
