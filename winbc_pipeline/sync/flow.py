"""What a flow is: data that the rest of sync/ works on. The flows themselves: flows/."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from ..settings import Settings
from ..staging.gather import Parts
from ..staging.store import Store
from ..systems.business_central import BusinessCentral
from .part import Part, Sold, parents_first

Rows = list[dict[str, Any]]


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
            settings, and what `asks` gave.
        select: gives the SELECT of records (staging/gather.py) from the settings and the name of the table of the rows.
        parts: gives what the records are put together of, from the same name.
        keep: gives how long it is kept what a record was.
    """

    key: tuple[str, ...]
    modified: str
    fields: Callable[[Mapping[str, str]], Mapping[str, str]]
    prepare: Callable[[duckdb.DuckDBPyConnection, Settings, Rows | None], None]
    select: Callable[[Settings, str], str]
    parts: Callable[[str], Parts]
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
