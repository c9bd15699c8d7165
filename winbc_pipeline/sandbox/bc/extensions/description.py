"""The description of an app in one version, as a JSON object: what it is called, and which API it brings.

Here belongs: the form of a description, and the entity sets that follow from it. What the sets do: tables.py.
The form for people: docs/sandbox.md.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from ...records import Record
from ..data.schema import EntitySet, Facts, Navigation, Schema
from .behaviours import BEHAVIOURS, COMPUTATIONS, SUBSCRIBERS

Type = Literal[
    "Edm.String",
    "Edm.Guid",
    "Edm.Decimal",
    "Edm.Int32",
    "Edm.Int64",
    "Edm.Boolean",
    "Edm.Date",
    "Edm.DateTimeOffset",
]
Right = Literal["read", "insert", "modify", "delete", "execute"]
Verb = Literal["insert", "modify", "delete"]
NO_FACTS = {
    "type",
    "options",
    "relation",
    "shows",
    "on_change",
    "since",
}  # members of a field that are no facts about it
# AL takes letters and digits only in the names of API pages and their fields (CodeCop AA0101 to AA0106).
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]


class Part(BaseModel):
    """A part of a description. Unknown members are refused, names are written as in JSON (`maxLength`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class FieldDescription(Part):
    """A field, or a parameter of an action.

    `options` are the captions of an enum. `shows` names the standard field whose value this field has. `relation` names
    the standard entity set and its field in which a value must be found, as `customers.number`. `on_change` is the
    registered function that runs when a write changes the field, `since` the version of the app in which it came.
    `numbered` is a number that the table gives each new record (AutoIncrement in AL).
    """

    type: Type = "Edm.String"
    options: list[str] = []
    max_length: int | None = None
    min_value: int | None = None
    max_value: int | None = None
    decimal_places: int | None = None
    read_only: bool = False
    upper_cased: bool = False
    not_blank: bool = False
    relation: Annotated[str, Field(pattern=r"^(\w+\.\w+)?$")] = ""
    shows: str = ""
    on_change: str = ""
    since: str = ""
    numbered: bool = False

    def facts(self) -> dict[str, Any]:
        """The facts about the field, in the form in which those of standard fields are known."""
        given = self.model_dump(by_alias=True, exclude_defaults=True, exclude=NO_FACTS)
        if self.options:
            return given | {"edm": "Enum", "enum": [encoded(option) for option in self.options]}
        return given | {"edm": self.type}


class ActionDescription(Part):
    """A bound action: the registered function that it runs, and its parameters."""

    does: str
    parameters: dict[Name, FieldDescription] = {}


class EntityDescription(Part):
    """An entity set: a table of the app (`on` is empty), or fields on the records of a standard entity set.

    `object` is what AL calls the object, for messages. `subpages` are other entity sets of the app, each with its field
    that holds the id of a record of this one. `permissions` are the rights that each permission set gives; without any,
    everybody may do everything.

    A second POST of a natural key gives the first record if it has the same in the fields of `same_if`. If not, it
    takes the place of a record that has the values of `replaced_while`, and is refused otherwise. `computed` names the
    function that gives the records when they are read. `subscriber` names what happens while the app is installed,
    `on_insert` what is done to a new record before it is stored. `is_query` is an API query, whose records have no id.
    `since` is the version of the app in which the set came, `gives` what it is for, and `bc14` the fields that the
    variant for version 14 has.
    """

    entity_name: Name
    object: str = ""
    on: str = ""
    verbs: list[Verb] = []
    fields: dict[Name, FieldDescription]
    natural_key: list[str] = []
    subpages: dict[str, str] = {}
    actions: dict[Name, ActionDescription] = {}
    permissions: dict[str, list[Right]] = {}
    webhooks: bool = True
    same_if: list[str] = []
    replaced_while: dict[str, str] = {}
    computed: str = ""
    subscriber: str = ""
    on_insert: str = ""
    is_query: bool = False
    since: str = ""
    gives: str = ""
    bc14: list[str] = []

    @model_validator(mode="after")
    def _check(self) -> "EntityDescription":
        identity = self.fields.get("id")
        if not self.is_query and (identity is None or identity.type != "Edm.Guid"):
            raise ValueError("an entity has a field id of type Edm.Guid")
        for member, names in (("naturalKey", self.natural_key), ("sameIf", self.same_if), ("bc14", self.bc14)):
            if not set(names) <= set(self.fields):
                raise ValueError(f"{member} has a name that is no field")
        if self.is_query and (self.verbs or bool(self.on) == bool(self.computed)):
            raise ValueError("a query is computed or on a standard entity, and only read")
        if self.on and (self.natural_key or {"insert", "delete"} & set(self.verbs)):
            raise ValueError("an entity on a standard one has no naturalKey, and is not inserted or deleted")
        if not self.on and any(one.shows for one in self.fields.values()):
            raise ValueError("shows belongs to an entity on a standard one")
        missing = [action.does for action in self.actions.values() if action.does not in BEHAVIOURS]
        changing = (one.on_change for one in self.fields.values() if one.on_change)
        missing += [name for name in (*changing, *({self.on_insert} - {""})) if name not in BEHAVIOURS]
        missing += [name for name in {self.computed} - {""} if name not in COMPUTATIONS]
        missing += [name for name in {self.subscriber} - {""} if name not in SUBSCRIBERS]
        if missing:
            raise ValueError(f"no function is registered as {missing[0]}")
        return self


class ApiDescription(Part):
    """The API of an app: the parts of its address."""

    publisher: Name
    group: Name
    version: Annotated[str, Field(pattern=r"^(v\d+\.\d+|beta)$")]


class App(Part):
    """An app in one version."""

    id: uuid.UUID
    name: Annotated[str, Field(min_length=1, max_length=250)]
    publisher: Annotated[str, Field(min_length=1, max_length=250)]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+\.\d+$")]
    api: ApiDescription
    entities: dict[Name, EntityDescription]

    @model_validator(mode="after")
    def _check(self) -> "App":
        for name, entity in self.entities.items():
            for subpage, link in entity.subpages.items():
                target = self.entities.get(subpage)
                if target is None or target.on or link not in target.fields:
                    raise ValueError(f"{name}: {subpage} is no table of the app, or has no field {link}")
        return self

    @property
    def key(self) -> str:
        """The id of the app, the same in all its versions."""
        return str(self.id)

    @property
    def package_id(self) -> str:
        """The id of this version of the app."""
        return str(uuid.uuid5(self.id, self.version))

    @property
    def path(self) -> str:
        """The address of the API below `api/`."""
        return f"{self.api.publisher}/{self.api.group}/{self.api.version}"

    def stored_name(self, entity_set: str) -> str:
        """The name under which the records of an entity set are stored. It is the same in all versions of the API."""
        return f"{self.api.publisher}.{self.api.group}.{entity_set}"

    def source(self) -> Record:
        """The description as JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def entity_sets(self, standard: Schema) -> Schema:
        """The entity sets by their stored names. Raises ValueError if a standard set or field is not there."""
        return {self.stored_name(name): self._entity_set(name, standard) for name in self.entities}

    def _entity_set(self, name: str, standard: Schema) -> EntitySet:
        entity = self.entities[name]
        if entity.on and entity.on not in standard:
            raise ValueError(f"there is no entity set {entity.on}")
        links = {subpage: (self.stored_name(subpage), field) for subpage, field in entity.subpages.items()}
        navigation = {subpage: Navigation(target, True, "id", field) for subpage, (target, field) in links.items()}
        fields = {field: _facts(about, entity.on, standard) for field, about in entity.fields.items()}
        if "id" in fields:
            fields["id"] = {**fields["id"], "readOnly": True}
        verbs = ("insert" in entity.verbs, "modify" in entity.verbs, "delete" in entity.verbs)
        parameters: dict[str, Mapping[str, Facts]] = {
            action: {parameter: about.facts() for parameter, about in one.parameters.items()}
            for action, one in entity.actions.items()
        }
        return EntitySet(
            self.stored_name(name),
            entity.entity_name,
            "id" if "id" in fields else next(iter(fields)),
            *verbs,
            tuple(entity.actions),
            fields,
            navigation,
            tuple(navigation),
            tuple(entity.natural_key),
            parameters,
        )


def read_description(given: object) -> App:
    """The app that a description describes. Raises ValueError, which says in which member what is wrong."""
    try:
        return App.model_validate(given)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc'])) or 'the description'}: {one['msg']}" for one in error.errors()]
        raise ValueError("; ".join(wrong)) from error


def encoded(caption: str) -> str:
    """The name of an option, in which `_x0020_` stands for a space (behaviour.md section 4)."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_x{ord(found.group()):04X}_", caption)


def _facts(about: FieldDescription, on: str, standard: Schema) -> Facts:
    """The facts about a field. A field that shows a standard one has its facts, and is written only if both are."""
    entity_set, _, related = about.relation.partition(".")
    if related and (entity_set not in standard or related not in standard[entity_set].fields):
        raise ValueError(f"there is no {about.relation}")
    if not about.shows:
        return about.facts()
    shown: Facts = standard[on].fields.get(about.shows, {}) if on in standard else {}
    if not shown:
        raise ValueError(f"{on} has no field {about.shows}")
    return {**shown, "readOnly": bool(about.read_only or shown.get("readOnly"))}
