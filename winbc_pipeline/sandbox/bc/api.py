"""API v2.0: what each call does. The operations of a `$batch` come here too, one by one.

Here belongs: the choice by path and method. What is true of every HTTP request: app.py.
"""

import json
from collections.abc import Mapping

from ..records import Record, dumps
from .data.company import Company
from .data.refusal import Refused, bad_request, not_allowed, unknown_segment
from .data.rights import check_right
from .data.schema import EntitySet
from .odata.batch import run_batch
from .odata.call import Call, Reply
from .odata.media import content_is_writable, read_content, write_content
from .odata.metadata import csdl, entity_definitions, service_document
from .odata.paging import page_size
from .odata.paths import Place, find_place
from .odata.query import Options, parse
from .odata.reading import View, collection, count, single
from .odata.writing import insert, modify, remove
from .rules import actions, dimensions, in_use  # noqa: F401 - importing the last two registers their rules

COMPANY_PATH = "companies("
SCHEMA_VERSIONS = ("2.0", "2.1")  # the first is the default, of custom APIs since version 24


# dynamics-error-codes.md, NavCompanyNotFoundException. The status is not published.
NO_COMPANY = (
    "Cannot process the request because the default company cannot be found. You can specify a default company in the "
    "service configuration file, or specify one for each tenant, or you can add a query string in the form of "
    '"company=[name]". You can see the available companies by accessing the default OData web service, Company. '
    'For more information, see "OData Web Services" in Help.'
)


class Api:
    """API v2.0 of one company."""

    def __init__(self, company: Company, most_per_page: int, sets: Mapping[str, EntitySet] | None = None) -> None:
        self.company, self.most_per_page = company, most_per_page
        self.visible_sets: Mapping[str, EntitySet] = dict(company.schema if sets is None else sets)
        self.named = {entity.public_name: entity for entity in self.visible_sets.values()}

    @property
    def described_sets(self) -> dict[str, EntitySet]:
        """The entity sets of the service document and the metadata."""
        return dict(self.visible_sets)

    def answer(self, call: Call) -> Reply:
        """The answer to a call. A call that is refused is answered with the error."""
        try:
            self.company.request_id = call.headers.get("client-request-id", "")
            if call.path == "$batch":
                if call.method != "POST":
                    raise not_allowed(call.method, "$batch")
                return run_batch(self.company, call, self.answer)
            return self._answer(call)
        except Refused as refusal:
            return Reply.refused(refusal)

    def _answer(self, call: Call) -> Reply:
        _check_intent(call)
        _check_schema_version(call)
        path = call.path.strip("/")
        if call.method == "OPTIONS":
            return Reply(200, headers={"Allow": "GET, POST, PATCH, DELETE, OPTIONS"})
        if path in ("", "$metadata", "entityDefinitions"):
            return self._about(path, call)
        if path == "companies" or (path.startswith(COMPANY_PATH) and "/" not in path):
            return self._companies(path, call)
        if path == "subscriptions":  # only the list is read here; webhooks.py does everything else
            return self._page(Place("collection", self.company.entity(path)), call)
        return self._below_company(self._inside(path, call), call)

    def _about(self, path: str, call: Call) -> Reply:
        if call.method != "GET":
            raise not_allowed(call.method, path)
        if path == "$metadata":
            return Reply(200, csdl(self.described_sets).encode(), "application/xml")
        document = entity_definitions if path else service_document
        return Reply.json(200, document(self.described_sets, call.base))

    def _companies(self, path: str, call: Call) -> Reply:
        entity = self.company.entity("companies")
        if call.method != "GET":
            raise not_allowed(call.method, "companies")
        if path == "companies":
            return self._page(Place("collection", entity), call)
        self._check_company(path)
        record = self.company.get("companies", self.company.id) or {}
        options = self._options(call, entity)
        return Reply.json(200, single(self._view(call), self.visible_sets["companies"], record, options))

    def _options(self, call: Call, entity: EntitySet) -> Options:
        return parse(call.query, self.visible_sets[entity.name], self.visible_sets)

    def _view(self, call: Call) -> View:
        return View(self.company, call.base, self.visible_sets)

    def _inside(self, path: str, call: Call) -> str:
        """The path below the company. A client names the company in the path, in the query or in a header."""
        if path.startswith(COMPANY_PATH):
            first, _, rest = path.partition("/")
            self._check_company(first)
            return rest
        named = call.query.get("company") or call.headers.get("company")
        entity_set = path.split("(")[0].split("/")[0]
        if not named and entity_set not in self.named:
            raise unknown_segment(entity_set)
        names = (self.company.id, (self.company.get("companies", self.company.id) or {}).get("name"))
        if not named:
            raise Refused(404, "Internal_CompanyNotFound", NO_COMPANY)
        if named.strip("'") not in names:
            raise Refused(404, "Internal_CompanyNotFound", f'Cannot find company "{named}".')
        return path

    def _check_company(self, segment: str) -> None:
        key = segment.removeprefix(COMPANY_PATH).removesuffix(")")
        if key.lower() != self.company.id:
            raise Refused(404, "Internal_CompanyNotFound", f'Cannot find company "{key}".')

    def _below_company(self, path: str, call: Call) -> Reply:
        return self._at(find_place(self.company, self.named, path), call)

    def _at(self, place: Place, call: Call) -> Reply:
        check_right(self.company, place.entity, call.method)
        if place.kind == "collection":
            return self._collection(place, call)
        if place.kind == "record":
            return self._record(place, call)
        if place.kind == "content":
            return self._content(place, call)
        if place.kind == "action":
            return self._action(place, call)
        if call.method != "GET":
            raise not_allowed(call.method, place.entity.public_name)
        if place.kind == "nothing":
            return Reply(204)
        options = self._options(call, place.entity)
        total = count(self.company, self.visible_sets[place.entity.name], options, place.where)
        return Reply(200, str(total).encode(), "text/plain")

    def _collection(self, place: Place, call: Call) -> Reply:
        if call.method == "GET":
            return self._page(place, call)
        if call.method != "POST":
            raise not_allowed(call.method, place.entity.public_name)
        options = self._options(call, place.entity)
        record = insert(self.company, place.entity, call.json(), place.parent)
        return self._shown(201, place.entity, record, options, call)

    def _page(self, place: Place, call: Call) -> Reply:
        entity, options = self.visible_sets[place.entity.name], self._options(call, place.entity)
        size = page_size(call.headers.get("prefer", ""), self.most_per_page)
        content, token = collection(self._view(call), entity, options, place.where, size)
        link = f',"@odata.nextLink":{json.dumps(call.next_link(token))}' if token else ""
        return Reply.json(200, content + link.encode() + b"}")

    def _record(self, place: Place, call: Call) -> Reply:
        entity, options = place.entity, self._options(call, place.entity)
        etag = call.headers.get("if-match")
        if call.method == "GET":
            return self._shown(200, entity, place.record, options, call)
        if call.method == "PATCH":
            record = modify(self.company, entity, place.record, call.json(), etag)
            return self._shown(200, entity, record, options, call)
        if call.method == "DELETE":
            remove(self.company, entity, place.record, etag)
            return Reply(204)
        raise not_allowed(call.method, entity.public_name)

    def _shown(self, status: int, entity: EntitySet, record: Record, options: Options, call: Call) -> Reply:
        body = single(self._view(call), self.visible_sets[entity.name], record, options)
        return Reply(status, dumps(body), headers={"ETag": record["@odata.etag"]})

    def _content(self, place: Place, call: Call) -> Reply:
        if call.method == "GET":
            return Reply(*read_content(self.company, place.entity, place.record))
        if call.method not in ("PATCH", "PUT") or not content_is_writable(place.entity):
            raise not_allowed(call.method, place.entity.public_name)
        etag = call.headers.get("if-match")
        write_content(self.company, place.entity, place.record, call.content, etag)
        return Reply(204)

    def _action(self, place: Place, call: Call) -> Reply:
        if call.method != "POST":
            raise not_allowed(call.method, place.action)
        self._run(place, call)
        return Reply(204)

    def _run(self, place: Place, call: Call) -> None:
        actions.run(self.company, place.entity.name, place.action, place.record)


def _check_schema_version(call: Call) -> None:
    """Refuses a `$schemaversion` that the sandbox does not have. What BC answers is not published."""
    version = call.query.get("$schemaversion", SCHEMA_VERSIONS[0])
    if version not in SCHEMA_VERSIONS:
        raise bad_request(f"The schema version '{version}' is not supported.")


def _check_intent(call: Call) -> None:
    """Refuses a write that says of itself that it only reads."""
    if call.method != "GET" and call.headers.get("data-access-intent", "").lower() == "readonly":
        raise not_allowed(call.method, call.path.rpartition("/")[2].split("(")[0])
