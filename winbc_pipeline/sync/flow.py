"""What a flow is: data that the rest of sync/ works on. The flows themselves: flows/."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..settings import Settings
from ..systems.business_central import BusinessCentral
from ..systems.facts import FieldFacts

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Reference:
    """A field that points to a record which the target makes for the parent, looked up once the parent exists."""

    field: str
    collection: str
    value: str
    where: tuple[str, str]


@dataclass(frozen=True)
class Part:
    """One kind of target record that a flow writes; a source record may need several.

    Attributes:
        table: the mapping CSV in the flow's folder.
        match: fields that find the record in the target, strongest first, and whether case counts.
        key: SQL over the source's columns that identifies the record; `_key` is the source record's own.
        merged_by: field of the target whose value identifies the record instead: what maps to one value is one record.
        where: SQL over the source's columns: which records have this part.
        shared: whether one record of the target may stand for several of the source (a customer of many orders).
        skip: SQL condition and reason code, for records that are not sent yet.
        parent: the part whose record must exist first, with the same key.
        own_fields: what the table gives besides the entity's fields, for the flow itself to act on.
        repeatable: whether sending it to Winstore twice does no harm.
    """

    name: str
    entity_set: str
    table: str
    match: tuple[tuple[str, bool], ...]
    key: str = "_key"
    merged_by: str = ""
    where: str = "true"
    skip: tuple[tuple[str, str], ...] = ()
    parent: str | None = None
    reference: Reference | None = None
    own_fields: Mapping[str, FieldFacts] = field(default_factory=dict)
    shared: bool = False
    repeatable: bool = True


@dataclass(frozen=True)
class DocumentKind:
    """What a document of the target is made of: the part of its header, and those of the lines inserted with it."""

    header: str
    lines: tuple[str, ...]
    navigation: str


@dataclass(frozen=True)
class Document:
    """How the records of a source, a row per line, become documents: a header with its lines in one call.

    All SQL is over the columns of the staged lines.

    Attributes:
        kind: which kind of document the settings ask for.
        line_order: SQL that orders the lines of a document.
        customer: the part of its customer, and of the customer's contact.
        customer_key: SQL for the key of the customer's part; guest: SQL, whether Winstore does not know the customer.
        ended: SQL that gives `cancelled` or `refunded` for a record that is no longer wanted.
        skips: SQL conditions and reason codes of records that become no document.
    """

    kind: Callable[[Settings], DocumentKind]
    line_order: str
    customer: tuple[str, ...]
    customer_key: str
    guest: str
    ended: Callable[[Settings], str]
    skips: Callable[[Settings], tuple[tuple[str, str], ...]]

    def parts(self, settings: Settings) -> tuple[str, ...]:
        """Names of the parts that these settings use, in the order in which they are written."""
        kind = self.kind(settings)
        return (*self.customer, kind.header, *kind.lines)


@dataclass(frozen=True)
class Reading:
    """How a flow reads Business Central.

    Attributes:
        sets: the entity sets whose changes matter, each with a condition on its records (may be empty).
        rows: what changed since a moment, in chunks of flat rows; only the fields in `wanted`, lines prefixed `line_`.
        key: fields that identify a row.
        group: field of the rows that always come together, such as the lines of an order.
    """

    sets: Callable[[Settings], Mapping[str, str]]
    rows: Callable[[Settings, BusinessCentral, datetime, frozenset[str]], Iterator[Rows]]
    key: tuple[str, ...]
    group: str = ""


def _no_constants(_: Settings) -> Mapping[str, str | bool]:
    return {}


@dataclass(frozen=True)
class Flow:
    """One flow in one direction; `parts` in the order in which they are written, the main one being `main`.

    Attributes:
        entity: what is read: an entity of Winstore's profile, or an entity set of BC.
        lines: the entity set of its lines, where BC gives lines of their own.
        derived: fields that the flow itself works out from what was read, and their kinds.
        constants: values of settings that the tables may name.
        document: what its records become when several parts make one record of the target.
        acts_on: id of the flow on whose documents its records are actions, told by the own field `action`.
        target_state_from: id of the flow of the other direction, which reads what the target has of these records now.
        waits_for: ids of flows whose records its own may need first (reason DEPENDENCY).
        reading: how BC is read, when it is the source.
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

    @property
    def id(self) -> str:
        """`products_winstore_to_bc`: folder, group, job and pool are named so."""
        return f"{self.name}_{self.source}_to_{self.target}"

    @property
    def staging(self) -> str:
        """The staging asset's name; BC's entity sets serve several flows, so there it is the flow's."""
        return f"{self.source}_{self.entity if self.source == 'winstore' else self.name}"

    def active(self, settings: Settings) -> tuple[Part, ...]:
        """The parts that these settings use."""
        if not self.document:
            return self.parts
        return tuple(self.part(name) for name in self.document.parts(settings))

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)
