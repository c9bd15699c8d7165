"""The part of `api/microsoft/automation/v2.0` that tells which apps there are.

Source: page 30002, APIV2 - Aut. Extensions, of microsoft/BCApps.

Here belongs: how the list looks. Installing and uninstalling: host.py.
"""

import uuid

from ...records import Record
from ..data.schema import EntitySet, Facts
from .description import App

PATH = "microsoft/automation/v2.0"
FIRST = 17  # the first version of BC with API v2.0, of which this page is a part
_TEXT, _GUID, _NUMBER = {"edm": "Edm.String"}, {"edm": "Edm.Guid"}, {"edm": "Edm.Int32"}
FIELDS: dict[str, Facts] = {
    "packageId": _GUID,
    "id": _GUID,
    "displayName": _TEXT,
    "publisher": _TEXT,
    "versionMajor": _NUMBER,
    "versionMinor": _NUMBER,
    "versionBuild": _NUMBER,
    "versionRevision": _NUMBER,
    "isInstalled": {"edm": "Edm.Boolean"},
    "publishedAs": _TEXT,
}
EXTENSIONS = EntitySet(
    "microsoft.automation.extensions",
    "extension",
    "packageId",
    False,
    False,
    False,
    ("install", "uninstall", "uninstallAndDeleteExtensionData", "unpublish"),
    FIELDS,
    {},
    sorted_by=("displayName",),  # SourceTableView: sorting(Name)
)
GLOBAL, PER_TENANT = "Global", " PTE"  # the option of a tenant's app begins with a space: AL-Go trims it
# The apps of Microsoft that every company has (microsoft/BCApps, app.json): id and name.
OF_MICROSOFT = (
    ("c1335042-3002-4257-bf8a-75c898ccb1b8", "Application"),
    ("437dbf0e-84ff-417a-965d-ed2bb9650972", "Base Application"),
    ("63ca2fa4-4f03-4f2b-a480-172fef340d3f", "System Application"),
)


def row_of(app: App, installed: bool) -> Record:
    """An app as the list shows it."""
    return _row(app.package_id, app.key, app.name, app.publisher, app.version, PER_TENANT) | {"isInstalled": installed}


def rows_of_microsoft(version: int) -> list[Record]:
    """The apps of Microsoft in a version of BC."""
    known = ((str(uuid.uuid5(uuid.UUID(key), str(version))), key, name) for key, name in OF_MICROSOFT)
    return [_row(*one, "Microsoft", f"{version}.0.0.0", GLOBAL) | {"isInstalled": True} for one in known]


def _row(package_id: str, key: str, name: str, publisher: str, version: str, published_as: str) -> Record:
    parts = dict(zip(("Major", "Minor", "Build", "Revision"), map(int, version.split(".")), strict=True))
    numbers = {f"version{part}": number for part, number in parts.items()}
    known: Record = {"packageId": package_id, "id": key, "displayName": name, "publisher": publisher}
    return known | numbers | {"publishedAs": published_as}
