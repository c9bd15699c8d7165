"""The API `microsoft/runtime/beta`, which tells what can be subscribed to (dynamics-subscriptions.md).

Its pages are read like those of API v2.0, so it is an `Api` of its own with records of its own.
"""

import copy
from collections.abc import Sequence

from ..records import Records
from .api import Api
from .data.company import Company, with_etag
from .data.schema import EntitySet, Facts

PATH = "microsoft/runtime/beta"
FIELDS: dict[str, Facts] = {"resource": {"edm": "Edm.String"}}
RESOURCES = EntitySet(
    "webhookSupportedResources", "webhookSupportedResource", "resource", False, False, False, (), FIELDS, {}
)


def runtime_api(company: Company, resources: Sequence[str], most_per_page: int) -> Api:
    """The runtime API of a company. `resources` are API version and entity set, as `v2.0/customers`."""
    shown = copy.copy(company)
    shown.records, shown.schema = Records(), {"companies": company.entity("companies"), RESOURCES.name: RESOURCES}
    shown.records.insert("companies", company.id, company.get("companies", company.id) or {})
    for resource in resources:
        shown.records.insert(RESOURCES.name, resource, with_etag({"resource": resource}))
    return Api(shown, most_per_page)
