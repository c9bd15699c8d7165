"""The entity sets of apps: tables of their own, and fields on the records of standard entity sets.

In AL the second kind is a table extension with an API page over the standard table: the page shows the very record, so
a write through it changes the record's moment and tells its subscribers. Here the page's rows are records of their own,
which follow those of the standard set in the same transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ...records import Record
from ..data.company import ROW_VERSION, Company, with_etag
from ..data.refusal import already_exists, dialog_error, validation_error
from ..data.schema import EntitySet
from ..data.values import checked_body, decoded, is_zero
from ..odata.metadata import caption
from ..odata.writing import Rules, insert, modify, no_relation
from .behaviours import Behaviour
from .description import EntityDescription

Relations = Mapping[str, tuple[str, str]]  # a field, and the entity set and the field in which its value must be found


class OwnTable(Rules):
    """A table of an app. `natural_key` are the fields of its primary key in AL: no two records agree in all of them.

    `on_insert` is what is done to a new record, with what was sent.
    """

    def __init__(
        self, entity: EntitySet, natural_key: tuple[str, ...], relations: Relations, on_insert: Behaviour | None = None
    ) -> None:
        self.entity, self.natural_key, self.relations = entity, natural_key, relations
        self.on_insert = on_insert

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        for name, facts in self.entity.fields.items():
            if facts.get("notBlank") and record[name] == "":
                raise validation_error(f"{name} must be filled in. Enter a value.")
            if facts.get("numbered"):
                record[name] = 1 + max((each[name] for each in company.records.select(self.entity.name)), default=0)
        check_relations(company, self.relations, record)
        self._check_key(company, record)
        if self.on_insert:
            self.on_insert(company, record, sent)

    def after_insert(self, company: Company, record: Record, body: Record) -> Record:
        """Inserts the records of subpages that stand in the body."""
        for name in self.entity.subpages:
            link = self.entity.navigation[name]
            for row in body.get(name, []):
                insert(company, company.entity(link.target), row, {link.other: record[link.own]})
        return record

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        check_relations(company, self.relations, {name: record[name] for name in sent})
        if any(record[name] != old[name] for name in self.natural_key):
            self._check_key(company, record)

    def after_delete(self, company: Company, record: Record) -> None:
        """Deletes the records of subpages."""
        for name in self.entity.subpages:
            link = self.entity.navigation[name]
            for row in company.all(link.target, link.other, record[link.own]):
                company.drop(link.target, row)
                company.extension_rules[link.target].after_delete(company, row)

    def _check_key(self, company: Company, record: Record) -> None:
        if self.natural_key and with_key(company, self.entity, self.natural_key, record):
            key = {caption(name): decoded(str(record[name])) for name in self.natural_key}
            raise already_exists(caption(self.entity.entity_name), key)


class OnStandard(Rules):
    """Fields on the records of a standard entity set. `shown` gives the standard field that a field shows.

    `changing` gives what happens when a write changes a field.
    """

    def __init__(
        self,
        company: Company,
        entity: EntitySet,
        base: EntitySet,
        shown: Mapping[str, str],
        relations: Relations,
        changing: Mapping[str, Behaviour],
    ) -> None:
        self.changing = changing
        self.company, self.entity, self.base, self.relations = company, entity, base, relations
        self.shown = {"id": base.key, **shown}

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        check_relations(company, self.relations, {name: record[name] for name in sent})
        self.changed = [name for name in sent if name in self.changing and record[name] != old[name] and record[name]]

    def after_modify(self, company: Company, record: Record, sent: Record) -> Record:
        """Changes the standard record: by its own rules where a standard field was sent, else its moment only."""
        for name in self.changed:
            self.changing[name](company, company.get(self.entity.name, record["id"]) or record, {name: record[name]})
        standard = {self.shown[name]: value for name, value in sent.items() if name in self.shown and name != "id"}
        base = company.get(self.base.name, record["id"]) or {}
        if standard:
            base = modify(company, self.base, base, standard, "*")
        company.change(self.base.name, base)
        return company.get(self.entity.name, record["id"]) or record

    def follow(self, record: Record, kind: str, tell: bool) -> None:
        """Brings the row of a standard record up to date, in the transaction in which the record changed."""
        key, name = str(record[self.base.key]), self.entity.name
        old = self.company.get(name, key)
        if kind == "deleted":
            self.company.records.delete(name, key)
            row = old
        else:
            row = self._row(record, old, tell)
            store = self.company.records.replace if old else self.company.records.insert
            store(name, key, row)
        if tell and row:
            self.company.tell(name, row, kind)

    def follow_all(self) -> None:
        """Brings all rows up to date. The standard records may have changed while the app was not installed."""
        present = {record[self.base.key]: record for record in self.company.records.select(self.base.name)}
        for record in present.values():
            self.follow(record, "updated", tell=False)
        for row in self.company.records.select(self.entity.name):
            if row["id"] not in present:
                self.company.records.delete(self.entity.name, row["id"])

    def _row(self, record: Record, old: Record | None, is_written: bool) -> Record:
        own = {name: value for name, value in (old or {}).items() if name in self.entity.fields}
        shown = {name: record[other] for name, other in self.shown.items()}
        row = self.company.empty(self.entity.name) | own | shown
        if ROW_VERSION not in self.entity.fields:
            return with_etag(row)
        # What was written while the app was not installed has its row version from the installation on.
        if is_written or any(own.get(name) != value for name, value in shown.items()):
            row[ROW_VERSION] = self.company.next_row_version()
        return row


def with_key(company: Company, entity: EntitySet, key: Sequence[str], record: Record) -> Record | None:
    """The stored record that has the same natural key as a record; None without one."""
    condition = " AND ".join(f"json_extract(body, '$.{name}') = ?" for name in key)
    found = company.records.select(entity.name, condition, [record[name] for name in key], limit=1)
    return found[0] if found else None


def repeated(company: Company, entity: EntitySet, body: Record, described: EntityDescription) -> Record | None:
    """The stored record with the natural key of a new one; None without one.

    A record with other values in the fields `same_if` is deleted while it may be replaced, with what belongs to it.
    Raises: Refused if it may not.
    """
    sent = company.empty(entity.name) | checked_body(entity, body, deep=True)
    known = with_key(company, entity, described.natural_key, sent)
    changed = [name for name in described.same_if if known and known[name] != sent[name]]
    if not known or not changed:
        return known
    open_values = described.replaced_while
    if not open_values or any(decoded(known[name]) != value for name, value in open_values.items()):
        reference = sent[described.natural_key[-1]]
        was, now = (", ".join(str(one[name]) for name in changed) for one in (known, sent))
        words = f"The {caption(entity.entity_name).lower()} {reference} was sent before with other content"
        raise dialog_error(f"{words}: {was} is there, {now} was sent.")
    company.drop(entity.name, known)
    company.extension_rules[entity.name].after_delete(company, known)
    return None


def check_relations(company: Company, relations: Relations, values: Record) -> None:
    """Refuses a value that the related table does not have. An empty value names nothing."""
    for name, (entity_set, field) in relations.items():
        value: Any = values.get(name)
        if not is_zero(value) and not company.find(entity_set, field, value):
            raise no_relation(name, value, caption(company.entity(entity_set).entity_name))
