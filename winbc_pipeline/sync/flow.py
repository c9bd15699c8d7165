"""What a flow is: data that the rest of sync/ works on. The flows themselves: flows/."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from ..settings import Settings
from ..staging.store import Store
from ..systems.business_central import BusinessCentral
from ..systems.facts import FieldFacts

Rows = list[dict[str, Any]]


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


def _no_inner(_: Settings, __: Collection[str]) -> Mapping[str, "Sold"]:
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
    inner: Callable[[Settings, Collection[str]], Mapping[str, "Sold"]] = field(default=_no_inner)
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


@dataclass(frozen=True)
class DocumentKind:
    """What a document of the target is made of.

    Attributes:
        header: name of the header's part.
        lines: names of the parts whose records are lines of the document.
        navigation: the property of the header under which its lines are inserted with it.
    """

    header: str
    lines: tuple[str, ...]
    navigation: str


def _no_texts(_: Settings) -> Mapping[str, str]:
    return {}


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


def _no_variants(_: Settings, __: Collection[str]) -> Mapping[str, Sold]:
    return {}


@dataclass(frozen=True)
class Document:
    """How the staged rows of a source, one per line, become documents: a header with its lines in one call.

    All SQL is over the columns of the staged lines.

    Attributes:
        kind: gives the kind of document that the settings ask for.
        line_order: SQL that orders the lines of a document.
        customer: the parts of the customer and of the customer's contact.
        customer_key: SQL for the key of the customer's part.
        customer_sign: SQL for what tells the customer of an order from others; it is hashed with the key of the
            installation before anything of it is kept.
        line_lost: SQL, over all lines of an order: whether one has no number of its own, or was not read.
        sku: SQL for the SKU of a line; NULL for a line that is about no article.
        alike_skus: gives the SKUs whose item in the target is another article's, and the SKU of that article.
        variants: gives the item variants of the target that SKUs or GTINs stand for. Whatever is only an item of its
            own is left out.
        customers: the flow whose records are these customers. It may know of one what the orders do not tell.
        guest: SQL condition of orders whose customer Winstore does not know.
        guest_key: with what the key of such a customer begins.
        ended: gives SQL for `cancelled` or `refunded` of a record that is no longer wanted.
        skips: gives SQL conditions and reason codes of records that become no document.
    """

    kind: Callable[[Settings], DocumentKind]
    line_order: str
    customer: tuple[str, ...]
    customer_key: str
    customer_sign: str
    guest: str
    guest_key: str
    ended: Callable[[Settings], str]
    skips: Callable[[Settings], tuple[tuple[str, str], ...]]
    line_lost: str = "false"
    sku: str = "NULL"
    alike_skus: Callable[[Settings], Mapping[str, str]] = field(default=_no_texts)
    variants: Callable[[Settings, Collection[str]], Mapping[str, Sold]] = field(default=_no_variants)
    customers: "Flow | None" = None

    def parts(self, settings: Settings) -> tuple[str, ...]:
        """Names of the parts that these settings use, in the order in which they are written."""
        kind = self.kind(settings)
        return (*self.customer, kind.header, *kind.lines)


def _no_notes(_: Settings) -> list[str]:
    return []


def _ready(_: Settings) -> None:
    pass


def _all_read(_: Store) -> list[str]:
    return []


def _no_need(_: Store) -> None:
    pass


@dataclass(frozen=True)
class Reading:
    """How a flow reads Business Central.

    Attributes:
        sets: gives the entity sets whose changes matter, each with a `$filter` on its records (may be empty).
        rows: gives what changed in each set since its moment, in chunks of flat rows with only the wanted fields. The
            names of a line's fields begin with `line_`. Each chunk comes with the set whose records it goes through in
            the order of their modification, or with an empty text. Its notes go into the database that the rows are
            staged in, which is the flow's own or that of a comparison.
        key: fields that identify a row.
        group: field whose value is the same in all rows that always come together, such as the lines of an order.
        logs: entity sets of the companion app that tell the changes of a set, where its name does not give them.
        unread: gives, from the flow's database, the paths of records that nobody has read, whatever their moments say.
            They give a number only.
        note_staged: is called with the same database when what `rows` gave is staged.
    """

    sets: Callable[[Settings], Mapping[str, str]]
    rows: Callable[
        [Settings, Store, BusinessCentral, Mapping[str, datetime], frozenset[str]], Iterator[tuple[str, Rows]]
    ]
    key: tuple[str, ...]
    group: str = ""
    logs: Mapping[str, str] = field(default_factory=dict)
    unread: Callable[[Store], list[str]] = field(default=_all_read)
    note_staged: Callable[[Store], None] = field(default=_no_need)


def _no_rows(_: Settings) -> Rows | None:
    return []


@dataclass(frozen=True)
class Gather:
    """How the rows that a flow reads become its records: several rows one record, with what rules add.

    A record is whole only when all its rows were read, so the first read of such a flow asks for everything.

    Attributes:
        key: fields that identify a record.
        modified: the field with the moment of a record's last modification.
        fields: gives the kinds of a record's fields from those of the rows' fields.
        asks: gives rows that another flow knows, before the flow's own database is opened: that of the other flow may
            be in use for long. None when it is.
        prepare: makes the tables that the SELECT reads, in the flow's database. Its arguments are a connection, the
            settings, the name of the table of the rows, and what `asks` gave.
        select: gives the SELECT of records (staging/gather.py) from the settings and the same name.
        together: gives the tables that the SELECT looks through slice by slice, from the same name, and for each the
            SQL of a text that the rows of a record share.
        keep: gives how long it is kept what a record was.
    """

    key: tuple[str, ...]
    modified: str
    fields: Callable[[Mapping[str, str]], Mapping[str, str]]
    prepare: Callable[[duckdb.DuckDBPyConnection, Settings, str, Rows | None], None]
    select: Callable[[Settings, str], str]
    together: Callable[[str], Mapping[str, str]]
    keep: Callable[[Settings], timedelta]
    asks: Callable[[Settings], Rows | None] = field(default=_no_rows)


def _no_problem(_: Settings) -> None:
    pass


def _no_constants(_: Settings) -> Mapping[str, str | bool]:
    return {}


def _any_direction(_: Settings) -> str:
    return "either"


def _any_company(_: Settings, __: BusinessCentral) -> None:
    pass


BLOCK = "block"


@dataclass(frozen=True)
class Gone:
    """What becomes of records in the target whose source no longer has them. Nothing is ever deleted there.

    Attributes:
        chosen: gives `nothing`, `report` or `block` by reason code: INACTIVE, MISSING_SKU, MISSING_ARTICLE.
        active: the field of the source that is false in a record that is no longer used.
        blocked: the field of the target's main record that is true in one that nobody may sell.
        reported: names of parts whose records cannot be blocked one by one, and are reported instead.
    """

    chosen: Callable[[Settings], Mapping[str, str]]
    active: str
    blocked: str
    reported: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """One flow in one direction.

    Attributes:
        name: what the flow keeps in step. Both directions have the same name.
        source: the system that is read: winstore or bc.
        target: the system that is written: winstore or bc.
        entity: what is read: an entity of Winstore's profile, or an entity set of BC.
        main: name of the main part, whose records people see as the flow's records.
        parts: the parts in the order in which they are written.
        lines: the entity set of the lines, where BC has lines of their own.
        derived: kind of each field that the flow itself works out from what was read, by name.
        constants: gives the values of settings that the tables may use, by name.
        document: how the records become documents. None when each part is a record of its own.
        waits_for: ids of the flows whose records this flow's records may need first (reason DEPENDENCY).
        acts_on: id of the flow whose documents this flow's records act on. Their own field `action` says how.
        target_state_from: id of the flow of the other direction. It reads what the target has of these records now.
        reading: how BC is read, when it is the source.
        pairs: the entity whose pairs (staging/pairs.py) the flow keeps, such as `customers`; both directions of a flow
            keep the same. Empty for records that have no partner of their own.
        own_id: the field of the source that holds a record's id there; the record's key when empty.
        own_no: the field of the source that holds the number by which people know a record; the record's key when
            empty.
        direction: gives the direction in which the settings let these records go: to_bc, to_winstore or both; `either`
            when no setting says it.
        looks_up: entity sets of the target that other flows fill and a plan looks up. For the lineage alone.
        guarded: whether a run that would write much more than usual waits for a person (sync/guards/). Flows whose
            records are sent once have protocols of their own.
        posts: entity sets that BC itself fills when this flow acts on a document. For the lineage alone.
        gone: what becomes of records that the source no longer has; None when nobody looks for them.
        suits: raises ConfigurationError when the company of Business Central is not what the settings say of it.
        shape: gives the parts that the settings ask for, where these are not all parts, or not as they are there.
        notes: gives, in words, what people should know of the records that were staged, such as what gets lost.
        check: raises ConfigurationError when the settings cannot be met for what was staged and sent so far.
        gather: how the rows that are read become records; None where each row is a record.
        refuses: raises ConfigurationError for settings with which the flow must not run although it is on.
        switch: in words, the settings that switch the flow on; empty where it is `<name>.direction`.
        lacks: in words, what the source does not have although people look for it. For the error of a formula.
        emptied: the field of the target that is zero in a record of which nothing is left. Runs that would set many
            records to zero wait for a person (sync/guards/).
        people: fields of the source that say whose a record is, each with its kind: `winstore` (a customer's id
            there), `bc` (a customer's id), `number` (a customer's number in Business Central) or `email`. Empty for a
            flow whose records are about nobody.
        explains: fields of the source that people see beside each mapped record in Dagster. No personal data.
    """

    name: str
    source: str
    target: str
    entity: str
    main: str
    parts: tuple[Part, ...]
    lines: str = ""
    derived: Mapping[str, str] = field(default_factory=dict)
    constants: Callable[[Settings], Mapping[str, str | bool]] = field(default=_no_constants)
    document: Document | None = None
    waits_for: tuple[str, ...] = ()
    acts_on: str = ""
    target_state_from: str = ""
    reading: Reading | None = None
    pairs: str = ""
    own_id: str = ""
    own_no: str = ""
    direction: Callable[[Settings], str] = field(default=_any_direction)
    looks_up: tuple[str, ...] = ()
    guarded: bool = False
    posts: tuple[str, ...] = ()
    gone: Gone | None = None
    suits: Callable[[Settings, BusinessCentral], None] = field(default=_any_company)
    shape: Callable[[Settings], tuple[Part, ...]] | None = None
    notes: Callable[[Settings], list[str]] = field(default=_no_notes)
    check: Callable[[Settings], None] = field(default=_ready)
    gather: Gather | None = None
    refuses: Callable[[Settings], None] = field(default=_no_problem)
    switch: str = ""
    lacks: str = ""
    emptied: str = ""
    people: Mapping[str, str] = field(default_factory=dict)
    explains: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Such as `products_winstore_to_bc`. Folder, asset group, job and pool have this name."""
        return f"{self.name}_{self.source}_to_{self.target}"

    @property
    def staging(self) -> str:
        """Name of the staging asset. A set of BC serves several flows, so each of those has one of its own."""
        name = self.entity if self.source == "winstore" else self.name
        return f"{self.source}_{name}"

    @property
    def lease(self) -> str:
        """What one run at a time holds: the flow, or the pairs that both directions write."""
        return f"pairs_{self.pairs}" if self.pairs and not self.document else self.id

    @property
    def reverse(self) -> str:
        """The id of the flow in the other direction."""
        return f"{self.name}_{self.target}_to_{self.source}"

    def is_on(self, settings: Settings) -> bool:
        """Whether the settings let records go in this direction."""
        return self.direction(settings) in ("either", "both", f"to_{self.target}")

    def owner(self, settings: Settings) -> str:
        """Who decides on a field that both sides changed, where the mapping table does not say it."""
        return "hold" if self.direction(settings) == "both" else "source"

    def active(self, settings: Settings) -> tuple[Part, ...]:
        """The parts that these settings use, in the order in which they are written."""
        if not self.document:
            return parents_first(self.shape(settings) if self.shape else self.parts)
        return tuple(self.part(name) for name in self.document.parts(settings))

    @property
    def block_parts(self) -> tuple[Part, ...]:
        """The part BLOCK, which blocks main records that are gone and has no table; none in a flow without `gone`."""
        return (replace(self.part(self.main), name=BLOCK),) if self.gone else ()

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)


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
