"""What a flow is: data that the rest of sync/ works on. The flows themselves: flows/."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..settings import Settings
from ..systems.facts import FieldFacts


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
        where: SQL over the source's columns: which records have this part.
        skip: SQL condition and reason code, for records that are not sent yet.
        parent: the part whose record must exist first, with the same key.
        own_fields: what the table gives besides the entity's fields, for the flow itself to act on.
    """

    name: str
    entity_set: str
    table: str
    match: tuple[tuple[str, bool], ...]
    key: str = "_key"
    where: str = "true"
    skip: tuple[tuple[str, str], ...] = ()
    parent: str | None = None
    reference: Reference | None = None
    own_fields: Mapping[str, FieldFacts] = field(default_factory=dict)


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

    @property
    def id(self) -> str:
        """`products_winstore_to_bc`: folder, group, job and pool are named so."""
        return f"{self.name}_{self.source}_to_{self.target}"

    @property
    def staging(self) -> str:
        """The staging asset's name."""
        return f"{self.source}_{self.entity}"

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)
