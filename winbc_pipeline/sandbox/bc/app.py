"""The Business Central sandbox over HTTP: addresses, sign-in, limits, latency, planned faults and the log of calls.

Here belongs: what is true of every HTTP request. What a call does: api.py.
"""

import asyncio
import base64
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..control import CallLog, Limits, control_endpoint, control_routes, http_date, moment
from ..faults import Faults, with_fault
from ..records import Record
from ..setup_data import TEMPLATES
from . import people
from .api import Api
from .data.company import SERIES, Company
from .data.refusal import Refused, bad_request, not_allowed
from .data.replica import Replica
from .data.schema import NEWEST, EntitySet
from .data.settings import seed_settings
from .data.values import as_object, checked_body, field_value
from .odata.call import Call, Reply
from .odata.paging import MAX_PAGE
from .odata.query import Options as Query
from .odata.reading import View, single
from .odata.writing import with_template
from .rules import posting_groups, stock
from .runtime import PATH as RUNTIME
from .runtime import runtime_api
from .v1 import FIRST, LAST, ApiV1
from .webhooks import Webhooks

METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]
OLDEST_V2 = 17
SCOPE = "https://api.businesscentral.dynamics.com/.default"
SUBSCRIPTION_CALLS_OF_API = ("GETsubscriptions", "OPTIONSsubscriptions")  # method and path; api.py answers these
UNQUOTED_IN_PATHS = "/()$'=,"  # OData uses these characters in paths
BODY_LIMIT = 350 * 2**20


@dataclass(frozen=True)
class Options:
    """How the sandbox behaves.

    `time_scale` divides every waiting time and every window: with 60, a minute takes a second. `clock` is a time at
    which the sandbox's clock stands still from the start; without it, the clock is the machine's. With `templates`, a
    set-up person has chosen a template for customers and one for items, so that new records get posting groups.
    """

    page_size: int = MAX_PAGE
    version: int = NEWEST
    latency_s: float = 0
    operation_latency_s: float = 0
    requests_per_window: int = 6000
    in_flight: int = 5
    queued: int = 95
    time_scale: float = 1
    replica_lag_s: float = 0
    seed: str = ""
    clock: str = ""
    templates: bool = True
    client: tuple[str, str] = ("winbc", "sandbox-secret")
    user: tuple[str, str] = ("winbc", "sandbox-secret")

    def limits(self) -> Limits:
        """The limits of BC for one user, with the options and the time scale."""
        return Limits(
            in_flight=self.in_flight,
            queued=self.queued,
            requests=self.requests_per_window,
            window_s=300 / self.time_scale,
            queue_s=480 / self.time_scale,
            operation_s=480 / self.time_scale,
        )


class Sandbox:
    """One company behind its APIs, with the sign-in and the limits of a real environment."""

    def __init__(self, path: Path | None, options: Options) -> None:
        fixed_time = moment(options.clock) if options.clock else None
        # Older versions have API v1.0 only. It is translated to v2.0, so its records need the schema of v2.0.
        version = max(options.version, OLDEST_V2)
        self.options, self.company = options, Company(path, version, options.seed, fixed_time, options.templates)
        self.api = Api(self.company, options.page_size)
        self.v1 = ApiV1(self.company, options.page_size)
        self.webhooks = Webhooks(self.company, options.time_scale)
        self.runtime = runtime_api(self.company, self._resources(), options.page_size)
        self.limits, self.faults, self.log = options.limits(), Faults(), CallLog(self.company.clock)
        self.tokens: set[str] = set()
        self.calls = 0
        lag = timedelta(seconds=options.replica_lag_s)
        self.replica = Replica(self.company, lag) if lag else None

    def _resources(self) -> list[str]:
        """The resources that can be subscribed to, in every version of the API that is there."""
        sets = {"v1.0": self.v1.alone, "v2.0": list(self.company.schema)}
        apis = available_apis(self.options.version)
        return [f"{api}/{name}" for api in apis for name in sets[api] if self.webhooks.supports(name)]

    async def token(self, request: Request) -> Response:
        """The token endpoint of Microsoft Entra: an access token for a client's id and secret (form or Basic)."""
        form = dict(parse_qsl((await request.body()).decode()))
        in_form = (form.get("client_id"), form.get("client_secret")) == self.options.client
        if not in_form and request.headers.get("authorization") != _basic(self.options.client):
            return JSONResponse({"error": "invalid_client", "error_description": "AADSTS7000215"}, 401)
        if SCOPE not in form.get("scope", SCOPE).split():
            return JSONResponse({"error": "invalid_scope", "error_description": "AADSTS70011"}, 400)
        value = uuid.uuid4().hex
        self.tokens.add(value)
        return JSONResponse({"token_type": "Bearer", "expires_in": 3600, "access_token": value})

    async def discovery(self, request: Request) -> Response:
        """The OpenID configuration, which msal reads before it asks for a token."""
        base = f"https://{request.url.netloc}/{request.path_params['tenant']}"  # msal takes nothing but https
        names = {"token_endpoint": "oauth2/v2.0/token", "authorization_endpoint": "oauth2/v2.0/authorize"}
        return JSONResponse({"issuer": f"{base}/v2.0"} | {name: f"{base}/{path}" for name, path in names.items()})

    async def environments(self, request: Request) -> Response:
        """The list of environments in the admin center API: the sandbox is the only one."""
        if not self._signed_in(request):
            return _unauthorised()
        url = f"{request.url.scheme}://{request.url.netloc}/v2.0/sandbox"
        environment = {
            "type": "Sandbox",
            "name": "sandbox",
            "countryCode": "NL",
            "applicationFamily": "BusinessCentral",
            "aadTenantId": "sandbox-tenant",
            "webServiceUrl": url,
            "webClientLoginUrl": url,
            "ringName": "PROD",
        }
        return JSONResponse({"value": [environment]})

    async def call(self, request: Request) -> Response:
        """Answers one call to the API: checks the sign-in and the limits, then runs it, with a planned fault if any."""
        self.calls += 1
        own_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.options.seed}/call/{self.calls}"))
        request.state.request_id = request.headers.get("client-request-id") or own_id
        fault = None
        if not self._signed_in(request):
            reply = _unauthorised()
        elif self.limits.refused(time.monotonic()):
            reply = JSONResponse(Refused(429, "Unknown", "Too many requests.").body(), 429)
        else:
            fault = self.faults.take(request.method, request.url.path)
            reply = await self._within_limits(lambda: with_fault(fault, request, self._run))
        reply.headers["request-id"] = request.state.request_id
        reply.headers["date"] = http_date(self.company.clock.now())
        fault_kind = fault["kind"] if fault else ""
        self.log.note(request, reply.status_code, fault_kind, request.state.request_id)
        return reply

    async def _within_limits(self, work: Callable[[], Awaitable[Response]]) -> Response:
        try:
            async with self.limits.slot():
                try:
                    return await asyncio.wait_for(work(), self.limits.operation_s)
                except TimeoutError:
                    return JSONResponse(Refused(408, "Unknown", "The operation was canceled.").body(), 408)
        except TimeoutError:
            headers = {"Retry-After": "60"}
            return JSONResponse(Refused(503, "Unknown", "The request waited too long.").body(), 503, headers)

    async def _run(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_LIMIT:
            return _response(Reply.refused(Refused(413, "BadRequest", "The request body is too large.")))
        call = self._call(request, body)
        # Each operation of a batch has one "method", so the body need not be parsed to count them.
        operations = body.count(b'"method"') if call.path == "$batch" else 1
        latency = self.options.latency_s + self.options.operation_latency_s * operations
        if latency:
            await asyncio.sleep(latency)
        if call.path.split("(")[0] == "subscriptions" and not call.base.endswith(RUNTIME):
            self.webhooks.drop_expired()
            if call.method + call.path not in SUBSCRIPTION_CALLS_OF_API:
                return _response(await self._subscriptions(call))
        return _response(self._api_for(call).answer(call))

    def _call(self, request: Request, body: bytes) -> Call:
        url = str(request.url)
        api = next(f"/api/{one}" for one in ("v1.0", "v2.0", RUNTIME) if f"/api/{one}" in request.url.path)
        base = url[: url.index(api)] + api
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        query.pop("tenant", None)  # on-premises, it names the database and is no OData option
        rest = request.path_params.get("rest", "")
        headers = dict(request.headers) | {"client-request-id": request.state.request_id}
        raw_path = quote(rest, safe=UNQUOTED_IN_PATHS)
        return Call(request.method, unquote(rest), query, headers, body, base, raw_path, request.url.query)

    def _api_for(self, call: Call) -> Api:
        """The API on the primary database or, for a GET that does not ask for the primary, on the replica."""
        if call.base.endswith(RUNTIME):
            return self.runtime
        if call.base.endswith("v1.0"):
            return self.v1
        wants_primary = call.method != "GET" or call.headers.get("data-access-intent", "").lower() == "readwrite"
        if wants_primary or not self.replica:
            return self.api
        return Api(self.replica.current(), self.options.page_size)

    async def _subscriptions(self, call: Call) -> Reply:
        try:
            etag = call.headers.get("if-match")
            if call.path == "subscriptions" and call.method == "POST":
                return self._subscription(201, await self.webhooks.subscribe(call.json()), call)
            if call.path == "subscriptions" or call.method in ("POST", "PUT", "OPTIONS"):
                raise not_allowed(call.method, "subscriptions")
            record = self.webhooks.existing(call.path.partition("(")[2].strip("')"))
            if call.method == "PATCH":
                return self._subscription(200, await self.webhooks.renew(record, call.json(), etag), call)
            if call.method == "DELETE":
                self.webhooks.remove(record, etag)
                return Reply(204)
            return self._subscription(200, record, call)
        except Refused as refusal:
            return Reply.refused(refusal)

    def _subscription(self, status: int, record: Record, call: Call) -> Reply:
        view = View(self.company, call.base, self.company.schema)
        return Reply.json(status, single(view, self.company.entity("subscriptions"), record, Query()))

    def _signed_in(self, request: Request) -> bool:
        authorization = request.headers.get("authorization", "")
        kind, _, value = authorization.partition(" ")
        if kind == "Bearer":
            return value in self.tokens
        # BC online takes no Basic authentication. Only its addresses have /v2.0/ before /api/.
        is_online = "/v2.0/" in request.url.path.split("/api/")[0] + "/"
        return authorization == _basic(self.options.user) and not is_online

    def seed(self, body: dict[str, Any]) -> dict[str, int]:
        """Answers `POST /__seed`. Raises ValueError.

        `{"records": {"customers": [{…}]}}` adds records, which the log of writes does not show. Customers and items
        have posting groups, as those that a person makes, unless the record says `""`.
        `{"templates": {"customers": {…}}}` sets the values that a configuration template fills in; `{}` takes it away.
        `{"settings": {"inventorySetup": {…}}}` sets what the API does not show.
        """
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
        if name not in self.company.schema:
            raise ValueError(f"There is no entity set {name}.")
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


def create_app(path: Path | None = None, options: Options | None = None) -> Starlette:
    """The sandbox as an ASGI application. With a `path`, its records survive a restart."""
    sandbox = Sandbox(path, options or Options())
    company = sandbox.company
    prefixes = ("/v2.0/{environment}", "/v2.0/{tenant}/{environment}", "/{instance}")
    apis = [*available_apis(sandbox.options.version), RUNTIME]
    routes = [
        *control_routes(company.records, company.clock, sandbox.faults, sandbox.log, sandbox.seed),
        Route("/__user", control_endpoint(partial(people.act, company)), methods=["POST"]),
        Route("/{tenant}/oauth2/v2.0/token", sandbox.token, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", sandbox.discovery),
        Route("/environments/v1.2", sandbox.environments),
        Route("/admin/v2.1/applications/businesscentral/environments", sandbox.environments),
        *(
            Route(f"{prefix}/api/{api}{rest}", sandbox.call, methods=METHODS)
            for prefix in prefixes
            for api in apis
            for rest in ("", "/{rest:path}")
        ),
    ]
    app = Starlette(routes=routes, exception_handlers={404: _no_route, 405: _no_route})
    app.state.records = company.records
    return app


def available_apis(version: int) -> list[str]:
    """The versions of the API that a version of Business Central has."""
    available = {"v2.0": version >= OLDEST_V2, "v1.0": FIRST <= version <= LAST}
    return [api for api, is_available in available.items() if is_available]


async def _no_route(request: Request, _: Exception) -> Response:
    message = f"No HTTP resource was found that matches the request URI '{request.url}'."
    return JSONResponse(Refused(404, "BadRequest_NotFound", message).body(), 404)


def _basic(pair: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode()


def _unauthorised() -> Response:
    message = "The server has rejected the client credentials."
    return JSONResponse(Refused(401, "Authentication_InvalidCredentials", message).body(), 401)


def _response(reply: Reply) -> Response:
    headers = {"OData-Version": "4.0", **reply.headers}
    if not reply.content:
        return Response(b"", reply.status, headers)
    return Response(reply.content, reply.status, headers, reply.media_type)
