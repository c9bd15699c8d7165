"""What a part of a flow is: one kind of target record that it writes. The flow that it belongs to: flow.py."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..settings import Settings
from ..systems.facts import FieldFacts


@dataclass(frozen=True)
class Reference:
    """A field of a record that refers to its parent's record, which must be there first.

    Attributes:
        field: the field that gets the value.
        collection: path of the records to look in, which the target itself makes for the parent; `{id}` stands for the
            parent's id. Empty when the value is the parent's own id.
        value: the field of such a record that holds the value.
        where: field and value that the record must have.
    """

    field: str
    collection: str = ""
    value: str = ""
    where: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class KeyChain:
    """How a record without a partner is found in the target, when its keys need more than a filter on one field.

    Attributes:
        chosen: gives the kinds of keys that the settings ask for, the strongest first.
        keys_of: gives the keys of a record of a system (winstore or bc), by kind; they are compared as they are.
        fields: the fields that `keys_of` reads, by system.
        new_ids: gives the first and the last id that new records get in Winstore, for those that bring none.
    """

    chosen: Callable[[Settings], tuple[str, ...]]
    keys_of: Callable[[str, Mapping[str, Any]], Mapping[str, set[str]]]
    fields: Mapping[str, tuple[str, ...]]
    new_ids: Callable[[Settings], tuple[int, int]]


@dataclass(frozen=True)
class Picture:
    """That a part's records are pictures: files below the records of its parent (sync/records/special/pictures.py).

    Attributes:
        chosen: gives `always`, `create` (only where the record has none) or `never`.
        needs: fields of the source. Where its profile does not have them, there is no such part.
        not_carried: the field of the source that names a further picture, which is only counted.
    """

    chosen: Callable[[Settings], str]
    needs: tuple[str, ...] = ()
    not_carried: str = ""


PICTURE_FIELDS = {name: FieldFacts(name, "text") for name in ("name", "key")}
"""What the table of such a part gives: the picture's name or address, and the key by which the source gives it."""


@dataclass(frozen=True)
class Address:
    """The fields of a record that are one address (docs/customers.md, Addresses).

    Attributes:
        fields: all of them.
        place: those of which an address has one at least: a country alone is no address.
        elsewhere: by field of the address: the field that holds it in a record of the target which keeps this address
            beside its own one. An update leaves `fields` alone then.
        uncarried: an address of the source for which the target has no room: the fields of the source that would be
            put together, by field of the target.
    """

    fields: tuple[str, ...]
    place: tuple[str, ...]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    uncarried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sold:
    """Variants of items that a SKU or a GTIN of a line stands for.

    Attributes:
        ids: their ids in the target: several for a GTIN of several SKUs, none for an article that is sold by its SKUs
            only.
        by_gtin: whether it is a GTIN, and no SKU: an item may have it too.
    """

    ids: Collection[str]
    by_gtin: bool = False


def _no_inner(_: Settings, __: Collection[str]) -> Mapping[str, Sold]:
    return {}


@dataclass(frozen=True)
class Part:
    """One kind of target record that a flow writes. A source record may need several parts.

    Attributes:
        name: identifies the part in its flow, in the ledger and in the mapping tables' tests.
        entity_set: the entity set of BC, or the entity of Winstore's profile.
        table: the mapping CSV in the flow's folder.
        match: fields that find the record in the target, strongest first. Each says whether it is compared without
            regard to case.
        key: SQL over the source's columns that identifies the record. `_key` is the source record's own key.
        merged_by: field of the target whose value identifies the record instead. Source records that map to one value
            become one record.
        where: SQL over the source's columns: which records have this part.
        skip: SQL conditions and reason codes of records that are not sent.
        words: the field of the source that says more about a reason of `skip`, by reason code. Only for parts whose key
            is the record's own.
        parent: the part whose record must exist first, with the same key.
        reference: the field that is looked up after the parent exists.
        own_fields: fields of the table besides those of the entity. The flow acts on them itself.
        shared: whether one record of the target may stand for several of the source (a customer of many orders).
        repeatable: whether the record may be sent to Winstore twice without harm.
        pair: the name of the part in the table of pairs; the part's own name when empty.
        fixed: fields that are never changed in a record that exists: a person decides.
        kind: a field that some records have and others do not, such as the name of a company. It is `fixed` in so far
            as a record never comes to have it, or to lack it.
        lone: fields that an update leaves alone in records that have `kind`, because they are about something else
            there (the names of a company's contact).
        creates: whether a record that the target does not have is made there. If not, it is skipped.
        missing: the reason code of a record that is skipped for that.
        inner: gives, of some keys, those of records that are only part of another record in the target, such as
            variants, and which these are. A figure goes there only with the companion app.
        keys: how its records are found in the target; None when the fields of `match` are enough.
        features: names of further CSVs in the flow's folder, whose rows say where something that a record has besides
            goes. Those with a place become rows of the table.
        dimensions: whether the table may fill default dimensions (`dimension.SEASON`).
        app_set: the entity set of the companion app with further fields of its records (`app.webId`), under their ids.
        app_rows: the kinds of fields that the companion app keeps as rows below its records (systems/facts.py).
        owns: whether the source owns what the target shows, whoever changed it there (a figure of stock).
        group: the field of the source that says which records belong together, such as the SKUs of an article. It is
            the key of the parent's record where the part has a parent with a key of its own.
        sign: the field of the target by which people know one thing from another, such as its GTIN. A record that
            takes over another one's is told of.
        within: the field of the target that names the parent's record by its number. The record's own key is unique
            among those of its parent only. It cannot go to another parent.
        picture: how pictures are sent, if the part's records are pictures of the parent's records.
        address: the fields that are one address; None in records without one.
        more: names of further CSVs in the flow's folder with rows of the same form, which are rows of its table too.
        container: whether its records only join others in the target, as the item above the items of SKUs does, and
            stand for no record of their own in the source. They are made with the companion app only.
        joined: the part whose record joins those of one group in the target, and the field that names it by its number.
            A record whose container is not there goes without that field.
    """

    name: str
    entity_set: str
    table: str
    match: tuple[tuple[str, bool], ...]
    key: str = "_key"
    merged_by: str = ""
    where: str = "true"
    skip: tuple[tuple[str, str], ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    reference: Reference | None = None
    own_fields: Mapping[str, FieldFacts] = field(default_factory=dict)
    shared: bool = False
    repeatable: bool = True
    pair: str = ""
    fixed: tuple[str, ...] = ()
    kind: str = ""
    lone: tuple[str, ...] = ()
    creates: bool = True
    missing: str = "MISSING_THERE"
    inner: Callable[[Settings, Collection[str]], Mapping[str, Sold]] = field(default=_no_inner)
    owns: bool = False
    features: tuple[str, ...] = ()
    dimensions: bool = False
    app_set: str = ""
    app_rows: tuple[str, ...] = ()
    keys: KeyChain | None = None
    group: str = ""
    within: str = ""
    sign: str = ""
    picture: Picture | None = None
    address: Address | None = None
    more: tuple[str, ...] = ()
    container: bool = False
    joined: tuple[str, str] | None = None

    @property
    def paired_as(self) -> str:
        return self.pair or self.name


def parents_first(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same parts in an order in which each comes after its parent."""
    ordered: list[Part] = []
    waiting = list(parts)
    while waiting:
        names = {part.name for part in waiting}
        ready = [part for part in waiting if part.parent not in names]
        if not ready:
            raise ValueError(f"parts that are each other's parents: {', '.join(sorted(names))}")
        ordered += ready
        waiting = [part for part in waiting if part.parent in names]
    return tuple(ordered)
