"""What `POST /__seed` does: records, templates, settings, apps and permission sets, as a set-up person makes them.

Here belongs: reading what was asked. Settings: data/settings.py. Apps: extensions/host.py.
"""

import sqlite3
from typing import Any

from ..records import Record
from ..setup_data import TEMPLATES
from .data.company import SERIES, Company
from .data.refusal import Refused, bad_request
from .data.rights import take_rights
from .data.schema import EntitySet
from .data.settings import seed_settings
from .data.values import as_object, checked_body, field_value
from .extensions.automation import EXTENSIONS
from .extensions.host import Extensions
from .extensions.tables import OnStandard
from .odata.writing import with_template
from .rules import posting_groups, stock


class Seeding:
    """Fills a company with what was asked."""

    def __init__(self, company: Company, extensions: Extensions) -> None:
        self.company, self.extensions = company, extensions

    def seed(self, body: dict[str, Any]) -> dict[str, int]:
        """Answers `POST /__seed`. Raises ValueError.

        `{"records": {"customers": [{…}]}}` adds records, which the log of writes does not show. Customers and items
        have posting groups, as those that a person makes, unless the record says `""`.
        `{"templates": {"customers": {…}}}` sets the values that a configuration template fills in; `{}` takes it away.
        `{"settings": {"inventorySetup": {…}}}` sets what the API does not show.
        `{"rights": {"customers": ["insert"]}}` takes rights from the user; an empty list gives them back.
        `{"extensions": [{…}]}` installs apps, `{"permissionSets": {…}}` takes permission sets from the user. Both come
        first, so that records of an app may stand beside it.
        """
        self.extensions.seed(body.get("extensions", []))
        self.extensions.seed_permission_sets(body.get("permissionSets", {}))
        take_rights(self.company, body.get("rights", {}))
        try:
            records = {name: as_object(body.get(name, {})) for name in ("templates", "records")}
            templates = {name: self._template(self._set(name), row) for name, row in records["templates"].items()}
            with self.company.transaction():
                counts = {name: self._add(self._set(name), rows) for name, rows in records["records"].items()}
                seed_settings(self.company, as_object(body.get("settings", {})))
        except Refused as refusal:
            raise ValueError(refusal.message) from refusal
        except sqlite3.IntegrityError as error:
            raise ValueError("A record with that id is there already.") from error
        self.company.templates |= templates
        return counts

    def _template(self, entity: EntitySet, row: Any) -> Record:
        hidden, shown = self._split(entity, as_object(row))
        return hidden | checked_body(entity, shown)

    def _split(self, entity: EntitySet, row: Record) -> tuple[Record, Record]:
        """The posting groups in a row that the API does not show, and the row without them. Raises Refused."""
        hidden = {name: code for name, code in row.items() if posting_groups.is_hidden(self.company, entity.name, name)}
        if not all(isinstance(code, str) for code in hidden.values()):
            raise bad_request("The code of a posting group is a text.")
        return hidden, {name: value for name, value in row.items() if name not in hidden}

    def _set(self, name: str) -> EntitySet:
        if name not in self.company.schema or name == EXTENSIONS.name:
            raise ValueError(f"There is no entity set {name}.")
        if isinstance(self.company.extension_rules.get(name), OnStandard):
            raise ValueError(f"The records of {name} are those of a standard entity set.")
        return self.company.entity(name)

    def _add(self, entity: EntitySet, rows: Any) -> int:
        if not isinstance(rows, list):
            raise ValueError(f"{entity.name} is a list of records.")
        usual = TEMPLATES.get(entity.name, {})
        for row in rows:
            hidden, shown = self._split(entity, with_template(usual, as_object(row)))
            known = {name: field_value(entity, name, value) for name, value in shown.items()}
            record = self.company.add(entity.name, self._numbered(entity.name, known))
            if usual:
                posting_groups.keep(self.company, entity.name, record, hidden)
            if entity.name == "items":
                stock.load_stock(self.company, record)
        return len(rows)

    def _numbered(self, entity: str, row: Record) -> Record:
        if entity in SERIES and not row.get("number"):
            return row | {"number": self.company.next_number(entity)}
        return row
