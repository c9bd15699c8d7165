"""The Business Central sandbox: API v2.0 for master data, as far as docs/sandbox.md says.

Here belongs: what BC answers. Field facts come from facts/business_central_v2.json, behaviour from behaviour.md.
"""

import asyncio
import base64
import hashlib
import re
import time
import uuid
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .control import Clock, Faults, Limits, control_routes, timestamp, with_fault
from .odata_filter import FilterError, to_sql
from .records import Record, Records, dumps, loads
from .setup_data import COMPANY_ID, COMPANY_NAME, setup_records

MAX_PAGE, MAX_BATCH = 20_000, 100
SERIES = {"customers": "C", "contacts": "CT", "items": "I"}
MANDATORY = {"customers": "displayName", "contacts": "displayName"}
RELATIONS = {
    ("items", "itemCategoryCode"): ("itemCategories", "A", "Item Category"),
    ("items", "taxGroupCode"): ("taxGroups", "A", "Tax Group"),
    ("items", "baseUnitOfMeasureCode"): ("unitsOfMeasure", "A", "Unit of Measure"),
    ("items", "generalProductPostingGroupCode"): ("generalProductPostingGroups", "A", "Gen. Product Posting Group"),
    ("items", "inventoryPostingGroupCode"): ("inventoryPostingGroups", "A", "Inventory Posting Group"),
    ("customers", "country"): ("countriesRegions", "A", "Country/Region"),
    ("contacts", "country"): ("countriesRegions", "A", "Country/Region"),
    ("contacts", "companyNumber"): ("contacts", "A", "Contact"),
}
IDS = {
    "itemCategoryCode": "itemCategoryId",
    "taxGroupCode": "taxGroupId",
    "baseUnitOfMeasureCode": "baseUnitOfMeasureId",
}
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
ZERO = {"Edm.Guid": ZERO_GUID, "Edm.Decimal": 0, "Edm.Boolean": False, "Edm.Int32": 0, "Edm.Date": "0001-01-01"}


class Refused(Exception):
    """A call that BC answers with an error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message

    def body(self) -> dict[str, Any]:
        message = f"{self.message}  CorrelationId:  {uuid.uuid4()}."
        return {"error": {"code": self.code, "message": message}}


def load_facts() -> dict[str, Any]:
    text = resources.files("winbc_pipeline.facts").joinpath("business_central_v2.json").read_text()
    entities: dict[str, Any] = loads(text)["entities"]
    return entities


class Company:
    """The records of one company and the rules they keep."""

    def __init__(self, path: Path | None = None, page_size: int = MAX_PAGE) -> None:
        self.records, self.clock, self.page_size = Records(path), Clock(), page_size
        self.facts = load_facts()
        if not self.records.count("companies"):
            for entity, body in setup_records():
                self._add(entity, body)

    def read(self, entity: str, query: dict[str, str], prefer: str, base: str) -> dict[str, Any] | bytes:
        """One page of a collection, as bytes."""
        fields = self.facts[entity]["fields"]
        try:
            where, values = to_sql(
                query.get("$filter", ""), set(fields), f"Microsoft.NAV.{self.facts[entity]['entityName']}"
            )
        except FilterError as error:
            raise Refused(400, "BadRequest", str(error)) from error
        size = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        limit = min(int(size.group(1)) if size else self.page_size, self.page_size)
        top = int(query["$top"]) if "$top" in query else None
        after = int(query.get("$skiptoken", "0").strip("'"))
        bodies, following = self.records.page(entity, where, values, after, min(limit, top) if top else limit)
        if "$select" in query:
            bodies = [self._selected(body, query["$select"].split(","), entity) for body in bodies]
        link = ""
        if following is not None and top is None:
            kept = "&".join(f"{k}={v}" for k, v in query.items() if k != "$skiptoken")
            link = f',"@odata.nextLink":"{base}/{entity}?{kept}{"&" if kept else ""}$skiptoken={following}"'
        context = f'{{"@odata.context":"{base}/$metadata#{entity}","value":['
        return (context + ",".join(bodies) + "]" + link + "}").encode()

    def _selected(self, body: str, names: list[str], entity: str) -> str:
        for name in names:
            if name not in self.facts[entity]["fields"]:
                kind = self.facts[entity]["entityName"]
                message = f"Could not find a property named '{name}' on type 'Microsoft.NAV.{kind}'."
                raise Refused(400, "BadRequest", message)
        record = loads(body)
        return dumps({k: v for k, v in record.items() if k in names or k == "@odata.etag"}).decode()

    def one(self, entity: str, record_id: str) -> Record:
        record = self.records.get(entity, record_id)
        if record is None:
            raise Refused(404, "Internal_RecordNotFound", f"The {self.facts[entity]['entityName']} does not exist.")
        return record

    def insert(self, entity: str, body: Record, request_id: str) -> Record:
        facts = self.facts[entity]
        if not facts["insert"]:
            raise Refused(405, "BadRequest_MethodNotAllowed", f"'POST' requests for '{entity}' are not allowed.")
        sent = self._checked(entity, body)
        mandatory = MANDATORY.get(entity) or ("code" if facts["fields"].get("code", {}).get("showMandatory") else None)
        if mandatory and not sent.get(mandatory):
            raise Refused(400, "BadRequest_RequiredParamNotProvided", f'A "{mandatory}" must be provided.')
        if entity == "items" and "inventory" in sent:
            raise Refused(400, "Application_DialogException", "Inventory cannot be changed during on insert.")
        self._unique(entity, sent)
        record = self._add(entity, sent)
        self._log("POST", entity, record, request_id, sent)
        if entity == "customers" and record["type"] == "Company":
            self._company_contact(record)
        return record

    def modify(self, entity: str, record_id: str, body: Record, etag: str | None, request_id: str) -> Record:
        record = self._matched(entity, record_id, etag)
        sent = self._checked(entity, body)
        blank = MANDATORY.get(entity)
        if blank and sent.get(blank) == "":
            raise Refused(400, "Application_DialogException", f'The blank "{blank}" is not allowed.')
        if sent.get("number", record.get("number")) != record.get("number"):
            self._unique(entity, sent)
        changed = record | sent
        if changed != record:
            changed["lastModifiedDateTime"] = timestamp(self.clock.now())
            self._linked(entity, changed)
            self.records.replace(entity, record_id, _with_etag(changed))
        self._log("PATCH", entity, record, request_id, sent)
        return _with_etag(changed)

    def remove(self, entity: str, record_id: str, etag: str | None, request_id: str) -> None:
        record = self._matched(entity, record_id, etag)
        self.records.delete(entity, record_id)
        self._log("DELETE", entity, record, request_id, {})

    def contacts_of(self, customer_id: str) -> list[Record]:
        """`customers({id})/contactsInformation`: the company contact that BC keeps for a customer."""
        customer = self.one("customers", customer_id)
        relation = self.records.get("contactBusinessRelations", customer["id"])
        if relation is None:
            return []
        contact = self.one("contacts", relation["contactId"])
        return [
            {
                "contactId": contact["id"],
                "contactNumber": contact["number"],
                "contactName": contact["displayName"],
                "contactType": contact["type"],
                "relatedId": customer_id,
                "relatedType": "Customer",
            }
        ]

    def _matched(self, entity: str, record_id: str, etag: str | None) -> Record:
        if not etag:
            message = (
                "Could not validate the client concurrency token required by the service. "
                "Please provide a valid token in the client request."
            )
            raise Refused(400, "BadRequest_InvalidToken", message)
        record = self.one(entity, record_id)
        if etag not in ("*", record["@odata.etag"]):
            raise Refused(409, "Request_EntityChanged", "Another user has already changed the record.")
        return record

    def _checked(self, entity: str, body: object) -> Record:
        if not isinstance(body, dict):
            message = "An unexpected 'PrimitiveValue' node was found when reading from the JSON reader."
            raise Refused(400, "BadRequest", message)
        return {name: self._value(entity, name, value) for name, value in body.items() if not name.startswith("@")}

    def _value(self, entity: str, name: str, value: Any) -> Any:
        facts = self.facts[entity]["fields"].get(name)
        if facts is None:
            kind = self.facts[entity]["entityName"]
            message = f"The property '{name}' does not exist on type 'Microsoft.NAV.{kind}'."
            raise Refused(400, "BadRequest", message)
        if facts.get("readOnly"):
            raise Refused(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")
        if facts["edm"] in ("Edm.Decimal", "Edm.Int32"):
            return self._number(name, value)
        if facts["edm"] == "Edm.Boolean":
            if not isinstance(value, bool):
                raise Refused(400, "BadRequest", f"Cannot convert a value of '{name}' to target type 'Edm.Boolean'.")
            return value
        return self._text(entity, name, value, facts)

    def _number(self, name: str, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Refused(400, "BadRequest", f"Cannot convert a value of '{name}' to target type 'Edm.Decimal'.")
        return value

    def _text(self, entity: str, name: str, value: Any, facts: dict[str, Any]) -> str:
        if not isinstance(value, str):
            raise Refused(400, "BadRequest", f"Cannot convert a value of '{name}' to target type 'Edm.String'.")
        if facts.get("upperCased"):
            value = value.strip().upper()
        length, most = len(value.encode("utf-16-le")) // 2, facts.get("maxLength")
        if most and length > most:
            message = (
                f"The length of the string is {length}, but it must be less than or equal to {most} characters. "
                f"Value: {value}"
            )
            raise Refused(400, "Application_StringExceededLength", message)
        if "enum" in facts and value not in facts["enum"]:
            options = ",".join(facts["enum"])
            raise Refused(400, "Unknown", f"'{value}' is not an option. The existing options are: {options}")
        relation = RELATIONS.get((entity, name))
        if relation and value and not self._related(relation[0], value):
            message = f"The field {name} contains a value ({value}) that is not in the related table ({relation[2]})."
            raise Refused(400, "Internal_InvalidTableRelation", message)
        return str(value)

    def _related(self, entity: str, value: str) -> Record | None:
        return self.records.find(entity, "number" if entity == "contacts" else "code", value)

    def _unique(self, entity: str, sent: Record) -> None:
        for field in ("number", "code"):
            if sent.get(field) and self.records.find(entity, field, sent[field]):
                kind = self.facts[entity]["entityName"].capitalize()
                message = f"The {kind} already exists. Identification fields and values: No.='{sent[field]}'"
                raise Refused(400, "Internal_EntityWithSameKeyExists", message)

    def _add(self, entity: str, sent: Record) -> Record:
        record: Record = {}
        for name, facts in self.facts[entity]["fields"].items():
            record[name] = facts["enum"][0] if "enum" in facts else ZERO.get(facts["edm"], "")
        record |= sent
        number = self.records.next(entity)
        if not sent.get("id"):
            record["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{entity}/{number}/{sent.get('number', '')}"))
        if entity in SERIES and not record["number"]:
            record["number"] = f"{SERIES[entity]}{number:05d}"
        record["lastModifiedDateTime"] = timestamp(self.clock.now())
        self._linked(entity, record)
        record = _with_etag(record)
        self.records.insert(entity, record["id"], record)
        return record

    def _linked(self, entity: str, record: Record) -> None:
        """Ids that follow from codes, and the company's name from its number."""
        for code, target in IDS.items():
            if entity == "items" and record.get(code):
                related = self._related(RELATIONS["items", code][0], record[code])
                record[target] = related["id"] if related else ZERO_GUID
        if entity == "contacts" and record.get("companyNumber") not in ("", record["number"]):
            company = self._related("contacts", record["companyNumber"])
            record["companyName"] = company["displayName"] if company else ""

    def _company_contact(self, customer: Record) -> None:
        """BC keeps a company contact for each customer (Marketing Setup, Bus. Rel. Code for Customers [?])."""
        number = f"CT{self.records.next('contacts'):05d}"
        names = ("addressLine1", "addressLine2", "city", "country", "postalCode", "phoneNumber", "email")
        contact = {name: customer[name] for name in names} | {
            "number": number,
            "type": "Company",
            "displayName": customer["displayName"],
            "companyNumber": number,
            "companyName": customer["displayName"],
            "contactBusinessRelation": "Customer",
        }
        added = self._add("contacts", contact)
        self.records.insert("contactBusinessRelations", customer["id"], {"contactId": added["id"]})

    def _log(self, method: str, entity: str, record: Record, request_id: str, sent: Record) -> None:
        key = record.get("number") or record.get("code") or record["id"]
        self.records.log_write(timestamp(self.clock.now()), method, entity, key, request_id, sent)


def _with_etag(record: Record) -> Record:
    """BC's tag is a hash over the page's fields: quote, length, hash, `1;00;`, quote, in base64 (behaviour.md 3)."""
    content = {name: value for name, value in record.items() if name != "@odata.etag"}
    digest = base64.b64encode(hashlib.sha256(dumps(content)).digest()).decode()
    tag = base64.b64encode(f"'44;{digest}1;00;'".encode()).decode()
    return {"@odata.etag": f'W/"{tag}"', **content}


def create_app(
    path: Path | None = None,
    page_size: int = MAX_PAGE,
    latency_s: float = 0,
    requests_per_window: int = 6000,
    client: tuple[str, str] = ("winbc", "sandbox-secret"),
) -> Starlette:
    """The sandbox as an ASGI application; `path` keeps its records across restarts."""
    company, faults = Company(path, page_size), Faults()
    limits = Limits(requests=requests_per_window)
    tokens: set[str] = set()

    async def token(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if (form.get("client_id"), form.get("client_secret")) != client:
            return JSONResponse({"error": "invalid_client", "error_description": "AADSTS7000215"}, 401)
        value = hashlib.sha256(f"{time.monotonic_ns()}".encode()).hexdigest()
        tokens.add(value)
        return JSONResponse({"token_type": "Bearer", "expires_in": 3600, "access_token": value})

    async def discovery(request: Request) -> Response:
        base = f"https://{request.url.netloc}/{request.path_params['tenant']}"  # msal takes nothing but https
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            }
        )

    async def api(request: Request) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in tokens:
            refusal = Refused(
                401, "Authentication_InvalidCredentials", "The server has rejected the client credentials."
            )
            return JSONResponse(refusal.body(), 401)
        if limits.refused(time.monotonic()):
            return JSONResponse(Refused(429, "Unknown", "Too many requests.").body(), 429)
        async with limits.slot():
            if latency_s:
                await asyncio.sleep(latency_s)
            fault = faults.take(request.method, request.url.path)
            return await with_fault(fault, request, lambda call: answer(company, call))

    routes = [
        *control_routes(company.records, company.clock, faults, lambda body: _seed(company, body)),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery),
        Route("/v2.0/{environment}/api/v2.0/{rest:path}", api, methods=["GET", "POST", "PATCH", "DELETE"]),
        Route("/v2.0/{tenant}/{environment}/api/v2.0/{rest:path}", api, methods=["GET", "POST", "PATCH", "DELETE"]),
    ]
    app = Starlette(routes=routes)
    app.state.records = company.records
    return app


def _seed(company: Company, body: dict[str, Any]) -> dict[str, int]:
    """Adds records by hand: `{"records": {"customers": [{…}]}}`, without a trace in the log of writes."""
    added = {entity: [company._add(entity, record) for record in rows] for entity, rows in body["records"].items()}
    return {entity: len(rows) for entity, rows in added.items()}


async def answer(company: Company, request: Request) -> Response:
    """One call to the API, `$batch` included."""
    base = str(request.url).split("/api/v2.0")[0] + "/api/v2.0"
    body = await request.body()
    path = request.path_params["rest"]
    if path == "$batch":
        return _json(200, _batch(company, loads(body), dict(request.headers), base))
    query = dict(parse_qsl(request.url.query, keep_blank_values=True))
    return _json(*_operation(company, request.method, path, query, dict(request.headers), body, base))


def _json(status: int, content: object) -> Response:
    raw = content if isinstance(content, bytes) else b"" if content is None else dumps(content)
    return Response(
        raw, status, media_type="application/json; odata.metadata=minimal", headers={"OData-Version": "4.0"}
    )


def _operation(
    company: Company, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any, base: str
) -> tuple[int, object]:
    try:
        sent = loads(body) if isinstance(body, bytes) and body else body
        return _routed(company, method, path, query, headers, sent, base)
    except Refused as refusal:
        return refusal.status, refusal.body()
    except ValueError:
        return 400, Refused(400, "BadRequest", "The request body is not valid JSON.").body()


def _routed(
    company: Company, method: str, path: str, query: dict[str, str], headers: dict[str, str], sent: Any, base: str
) -> tuple[int, object]:
    if path == "companies":
        return 200, company.read("companies", query, "", base)
    inside = re.fullmatch(r"companies\(([0-9a-f-]+)\)/(.+)", path)
    if not inside or inside.group(1) != COMPANY_ID:
        raise Refused(404, "Internal_CompanyNotFound", f'Cannot find company "{COMPANY_NAME}".')
    rest, request_id = inside.group(2), headers.get("client-request-id", "")
    nested = re.fullmatch(r"customers\(([0-9a-f-]+)\)/contactsInformation", rest)
    if nested:
        return 200, {"value": company.contacts_of(nested.group(1))}
    target = re.fullmatch(r"(\w+)(?:\(([0-9a-f-]+)\))?", rest)
    if not target or target.group(1) not in company.facts:
        raise Refused(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{rest.split('(')[0]}'.")
    entity, record_id = target.group(1), target.group(2)
    etag = headers.get("if-match")
    match method, record_id:
        case "GET", None:
            return 200, company.read(entity, query, headers.get("prefer", ""), f"{base}/companies({COMPANY_ID})")
        case "POST", None:
            return 201, company.insert(entity, sent, request_id)
        case "GET", str():
            return 200, company.one(entity, record_id)
        case "PATCH", str():
            return 200, company.modify(entity, record_id, sent, etag, request_id)
        case "DELETE", str():
            company.remove(entity, record_id, etag, request_id)
            return 204, None
    message = (
        f"'{method}' requests for '{entity}' of EdmType 'Collection' are not allowed "
        "within Dynamics 365 Business Central OData web services."
    )
    raise Refused(405, "BadRequest_MethodNotAllowed", message)


def _batch(company: Company, body: dict[str, Any], headers: dict[str, str], base: str) -> dict[str, Any]:
    """Stops at the first failure, or runs all with `Prefer: odata.continue-on-error` (behaviour.md 8)."""
    requests = body["requests"]
    if len(requests) > MAX_BATCH:
        refusal = Refused(400, "BadRequest", f"A batch takes at most {MAX_BATCH} operations.")
        return {"responses": [{"id": None, "status": 400, "headers": {}, "body": refusal.body()}]}
    answers = []
    for operation in requests:
        url, _, text = operation["url"].removeprefix(base + "/").partition("?")
        own = {name.lower(): value for name, value in operation.get("headers", {}).items()}
        own.setdefault("client-request-id", headers.get("client-request-id", ""))
        query = dict(parse_qsl(text, keep_blank_values=True))
        status, content = _operation(
            company, operation["method"], unquote(url), query, own, operation.get("body"), base
        )
        content = loads(content) if isinstance(content, bytes) else content
        answers.append({"id": operation.get("id"), "status": status, "headers": {}, "body": content})
        if status >= 400 and "odata.continue-on-error" not in headers.get("prefer", ""):
            break
    return {"responses": answers}
