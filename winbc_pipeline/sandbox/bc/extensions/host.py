"""The apps of a company: which are published and installed, what each brings, and who may use it.

Here belongs: installing, uninstalling, permissions, actions. How calls to an app's API are answered: api.py.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ...records import Record
from ..data.company import Company, with_etag
from ..data.refusal import Refused, dialog_error
from ..data.rights import has_right
from ..data.schema import EntitySet, Navigation, Schema
from . import companion, companion_orders, companion_stock  # noqa: F401 - importing them registers what they do
from .automation import EXTENSIONS, FIRST, row_of, rows_of_microsoft
from .automation import PATH as AUTOMATION
from .behaviours import BEHAVIOURS, COMPUTATIONS, SUBSCRIBERS, Offered
from .computed import refresh
from .description import App, EntityDescription, read_description
from .tables import OnStandard, OwnTable, Relations, repeated

PERMISSION_SETS = "permissionSets"  # notes of those that the user does not have
Package = Callable[[Record], None]


class Extensions:
    """The apps of one company. They survive a restart, as the records do."""

    def __init__(self, company: Company, version: int) -> None:
        self.company, self.version, self.standard = company, version, dict(company.schema)
        self.installed: dict[str, App] = {}  # by the id of the app
        self.described: dict[str, tuple[App, EntityDescription]] = {}  # by the stored name of the entity set
        self.subscriptions: dict[str, Callable[[], None]] = {}  # what ends each subscriber, by the same name
        company.schema[EXTENSIONS.name] = EXTENSIONS
        self._restore()

    def seed(self, asked: Any) -> None:
        """Answers `POST /__seed` `{"extensions": […]}`. Raises ValueError for what is wrong before anything is done.

        A description installs an app, in place of another version. `{"id": …, "installed": false}` uninstalls one, and
        `true` installs it again.
        """
        if not isinstance(asked, list):
            raise ValueError("extensions is a list of descriptions.")
        for step in [self._step(one) for one in asked]:
            step()

    def seed_permission_sets(self, asked: Any) -> None:
        """Answers `POST /__seed` `{"permissionSets": {name: false}}`: takes a set from the user, or gives it back."""
        known = {name for _, entity in self.described.values() for name in entity.permissions}
        if not isinstance(asked, dict) or not set(asked) <= known:
            raise ValueError(f"permissionSets has names of {', '.join(sorted(known)) or 'installed apps'}.")
        if not all(isinstance(has, bool) for has in asked.values()):
            raise ValueError("A permission set is true or false.")
        for name, has in asked.items():
            self.company.hide(PERMISSION_SETS, name, {} if has else {"taken": True})

    def install(self, app: App) -> None:
        """Installs an app in place of another version of it. Raises ValueError if it does not fit in."""
        self._check(app)
        with self.company.transaction():
            for row in self.company.all(EXTENSIONS.name, "id", app.key):
                self._unpublish(row)
            self.company.add(EXTENSIONS.name, row_of(app, installed=True))
            self.company.hide(EXTENSIONS.name, app.package_id, {"description": app.source()})
            self._connect(app)

    def sets(self, path: str) -> Schema | None:
        """The entity sets of the API at an address below `api/`, by their stored names. None if there is no such API.

        The records of the company and the subscriptions belong to every API.
        """
        own = {name: self.company.schema[name] for name, (app, _) in self.described.items() if app.path == path}
        if path == AUTOMATION and self.version >= FIRST:
            own = {EXTENSIONS.name: EXTENSIONS}
        if not own:
            return None
        inside = {entity.public_name: Navigation(name, True, "", "") for name, entity in own.items()}
        companies = replace(self.standard["companies"], navigation=inside)
        return {"companies": companies, **own, "subscriptions": self.standard["subscriptions"]}

    def with_webhooks(self, path: str) -> dict[str, str]:
        """The entity sets of an API that can be subscribed to: the public and the stored name of each."""
        found = (name for name, (app, entity) in self.described.items() if app.path == path and entity.webhooks)
        return {self.company.schema[name].public_name: name for name in found}

    def check_right(self, entity: EntitySet, right: str) -> None:
        """Refuses a call for which the user has no permission set.

        The words: PlanbasedE2E tests of microsoft/BCApps, hougaard/Simple-Object-Designer issue 149. 403 together with
        this code is what integrators report; the documented `Authorization_…` was seen by nobody.
        """
        if entity.name in self.described and not self.may(entity.name, right):
            app, described = self.described[entity.name]
            what = described.object or f"TableData {described.entity_name}"
            message = f"Sorry, the current permissions prevented the action. ({what} {right.capitalize()}: {app.name})"
            raise Refused(403, "Internal_ServerError", message)

    def may(self, stored_name: str, right: str) -> bool:
        """Whether one of the user's permission sets gives a right, and nobody took it away."""
        _, described = self.described[stored_name]
        held = [rights for name, rights in described.permissions.items() if not self._taken(name)]
        given = not described.permissions or any(right in rights for rights in held)
        return given and has_right(self.company, stored_name, right)

    def compute(self, company: Company, entity: EntitySet) -> None:
        """Works out the records of a set that has none of its own, in the company or in its replica."""
        app, described = self.described.get(entity.name, (None, None))
        if app is not None and described is not None and described.computed:
            refresh(company, entity, COMPUTATIONS[described.computed](company, self._offered(app)))

    def repeated(self, entity: EntitySet, body: Record) -> Record | None:
        """The record that a new one repeats; None if there is none. Raises Refused if the new one has other content."""
        _, described = self.described.get(entity.name, (None, None))
        if described is None or not described.same_if:
            return None
        return repeated(self.company, entity, body, described)

    def _offered(self, app: App) -> list[Offered]:
        stored = {name: app.stored_name(name) for name in app.entities}
        writes = {
            name: [*entity.verbs, *(["execute"] if entity.actions else [])] for name, entity in app.entities.items()
        }
        return [
            Offered(
                name,
                app.version,
                entity.since,
                self.may(stored[name], "read"),
                self._may_all(stored[name], writes[name]),
            )
            for name, entity in app.entities.items()
        ]

    def _may_all(self, stored_name: str, rights: list[str]) -> bool:
        return bool(rights) and all(self.may(stored_name, right) for right in rights)

    def run(self, entity: EntitySet, action: str, record: Record, arguments: Record) -> None:
        """Runs a bound action on a record, in one transaction. Raises Refused."""
        with self.company.transaction():
            self.company.log("POST", entity.name, record, {"action": f"Microsoft.NAV.{action}"} | arguments)
            if entity.name == EXTENSIONS.name:
                self._package_actions()[action](record)
            else:
                function = BEHAVIOURS[self.described[entity.name][1].actions[action].does]
                function(self.company, record, arguments)

    def _step(self, asked: Any) -> Callable[[], None]:
        """What one member of the list asks for, once it is checked."""
        if not isinstance(asked, dict) or "installed" not in asked:
            app = read_description(asked)
            self._check(app)
            return partial(self.install, app)
        key = str(asked.get("id")).lower()
        is_known = self.company.find(EXTENSIONS.name, "id", key) is not None
        if set(asked) != {"id", "installed"} or not isinstance(asked["installed"], bool) or not is_known:
            raise ValueError("An app that was installed has id and installed.")
        return partial(self._set_installed, key, asked["installed"])

    def _set_installed(self, key: str, wanted: bool) -> None:
        row = self.company.find(EXTENSIONS.name, "id", key) or {}
        if row["isInstalled"] != wanted:
            change = self._install_package if wanted else self._uninstall_package
            change(row)

    def _check(self, app: App) -> None:
        """Refuses an app whose entity sets another app has, or that shows what BC does not have."""
        for name in app.entity_sets(self.standard):
            owner = self.described.get(name)
            if owner and owner[0].key != app.key:
                raise ValueError(f"{owner[0].name} has {name} already.")
        if app.api.publisher == "microsoft":
            raise ValueError("The APIs of the publisher microsoft are not an app's.")

    def _connect(self, app: App) -> None:
        """Makes the entity sets of an app known, with their rules."""
        sets = app.entity_sets(self.standard)
        self.company.schema.update(sets)
        for name, entity in sets.items():
            described = app.entities[entity.public_name]
            self.described[name] = (app, described)
            self.company.empty_records.pop(name, None)
            relations = _relations(described)
            if described.on:
                shown = {field: about.shows for field, about in described.fields.items() if about.shows}
                changing = {
                    field: BEHAVIOURS[about.on_change] for field, about in described.fields.items() if about.on_change
                }
                rules = OnStandard(self.company, entity, self.standard[described.on], shown, relations, changing)
                self.company.extension_rules[name] = rules
                self.company.mirrors.setdefault(described.on, []).append(rules.follow)
                rules.follow_all()
            else:
                self.company.extension_rules[name] = OwnTable(
                    entity, tuple(described.natural_key), relations, BEHAVIOURS.get(described.on_insert)
                )
                if not described.computed:
                    self._bring_up_to_date(entity)
            if described.subscriber:
                self.subscriptions[name] = SUBSCRIBERS[described.subscriber](self.company, name)
            for field in (*described.natural_key, *described.subpages.values()):
                self.company.records.add_index(f"$.{field}")
        self.installed[app.key] = app

    def _disconnect(self, app: App) -> None:
        """Takes the entity sets of an app away. Their records stay in the store."""
        for name in [name for name, (owner, _) in self.described.items() if owner.key == app.key]:
            rules = self.company.extension_rules.pop(name)
            if isinstance(rules, OnStandard):
                self.company.mirrors[rules.base.name].remove(rules.follow)
            if end := self.subscriptions.pop(name, None):
                end()
            del self.described[name], self.company.schema[name]
        del self.installed[app.key]

    def _bring_up_to_date(self, entity: EntitySet) -> None:
        """Gives the records of another version the fields of this one."""
        for row in self.company.records.select(entity.name):
            kept = {name: value for name, value in row.items() if name in entity.fields}
            whole = with_etag(self.company.empty(entity.name) | kept)
            if whole != row:
                self.company.records.replace(entity.name, row[entity.key], whole)

    def _restore(self) -> None:
        """Lists Microsoft's apps, and connects those that were installed when the sandbox was ended."""
        for row in self.company.records.select(EXTENSIONS.name):
            if row["publisher"] == "Microsoft":
                self.company.records.delete(EXTENSIONS.name, row["packageId"])
            elif row["isInstalled"]:
                self._connect(self._app(row))
        for row in rows_of_microsoft(self.version):
            self.company.records.insert(EXTENSIONS.name, row["packageId"], with_etag(row))

    def _app(self, row: Record) -> App:
        return read_description(self.company.hidden(EXTENSIONS.name, row["packageId"])["description"])

    def _taken(self, permission_set: str) -> bool:
        return bool(self.company.hidden(PERMISSION_SETS, permission_set))

    def _package_actions(self) -> dict[str, Package]:
        return {
            "install": self._install_package,
            "uninstall": self._uninstall_package,
            "uninstallAndDeleteExtensionData": self._uninstall_with_data,
            "unpublish": self._unpublish_package,
        }

    def _install_package(self, row: Record) -> None:
        if row["isInstalled"]:
            raise dialog_error(f"The extension {row['displayName']} is already installed.")
        app = self._app(row)
        try:
            self._check(app)
        except ValueError as error:
            raise dialog_error(str(error)) from error
        self._connect(app)
        self.company.change(EXTENSIONS.name, row | {"isInstalled": True})

    def _uninstall_package(self, row: Record) -> None:
        if not row["isInstalled"]:
            raise dialog_error(f"The extension {row['displayName']} is not installed.")
        if row["id"] not in self.installed:  # the words are assumed
            raise dialog_error(f"The extension {row['displayName']} cannot be uninstalled.")
        self._disconnect(self.installed[row["id"]])
        self.company.change(EXTENSIONS.name, row | {"isInstalled": False})

    def _uninstall_with_data(self, row: Record) -> None:
        app = self.installed.get(row["id"])
        self._uninstall_package(row)
        for stored in [app.stored_name(name) for name in app.entities] if app else ():
            for record in self.company.records.select(stored):
                self.company.records.delete(stored, record["id"])

    def _unpublish_package(self, row: Record) -> None:
        if row["isInstalled"]:
            message = f"The extension {row['displayName']} cannot be unpublished because it is installed."
            raise dialog_error(message)
        self._unpublish(row)

    def _unpublish(self, row: Record) -> None:
        if row["id"] in self.installed:
            self._disconnect(self.installed[row["id"]])
        self.company.hide(EXTENSIONS.name, row["packageId"], {})
        self.company.drop(EXTENSIONS.name, row)


def _relations(described: EntityDescription) -> Relations:
    found = {name: about.relation.split(".") for name, about in described.fields.items() if about.relation}
    return {name: (entity_set, field) for name, (entity_set, field) in found.items()}
