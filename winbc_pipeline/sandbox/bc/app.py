"""The Business Central sandbox over HTTP: addresses, sign-in, limits, latency, planned faults and the log of calls.

Here belongs: what is true of every HTTP request. What a call does: api.py.
"""

import asyncio
import base64
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..control import CallLog, Limits, control_endpoint, control_routes, http_date, moment
from ..faults import Faults, with_fault
from ..records import Record
from . import people
from .api import Api
from .data.company import Company
from .data.refusal import Refused, no_route, not_allowed
from .data.replica import Replica
from .data.schema import NEWEST
from .extensions.api import ExtensionApi
from .extensions.description import App
from .extensions.host import Extensions
from .odata.call import Call, Reply
from .odata.paging import MAX_PAGE
from .odata.query import Options as Query
from .odata.reading import View, single
from .runtime import PATH as RUNTIME
from .runtime import runtime_api
from .seeding import Seeding
from .v1 import FIRST, LAST, ApiV1
from .webhooks import UNSUPPORTED, Webhooks

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
    `extensions` are the apps that are installed at the start.
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
    extensions: tuple[App, ...] = ()
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
        self.extensions = Extensions(self.company, options.version)
        for app in options.extensions:
            self.extensions.install(app)
        self.seeding = Seeding(self.company, self.extensions)
        self.webhooks = Webhooks(self.company, options.time_scale)
        self.runtime: Api | None = None
        self.resources: list[str] = []
        self.limits: defaultdict[str, Limits] = defaultdict(options.limits)  # by client
        self.faults, self.log = Faults(), CallLog(self.company.clock)
        self.tokens: dict[str, str] = {}  # the client that each belongs to
        self.calls = 0
        lag = timedelta(seconds=options.replica_lag_s)
        self.replica = Replica(self.company, lag) if lag else None

    def _with_webhooks(self, api: str) -> dict[str, str]:
        """The entity sets of an API that can be subscribed to: the public and the stored name of each."""
        if api in ("v1.0", "v2.0"):
            return {name: name for name in self.api.named if name not in UNSUPPORTED}
        return self.extensions.with_webhooks(api)

    def _runtime(self) -> Api:
        """The API that lists what can be subscribed to. It is made anew when an app came or went."""
        sets: dict[str, Iterable[str]] = {api: self._with_webhooks(api) for api in available_apis(self.options.version)}
        if "v1.0" in sets:
            sets["v1.0"] = [name for name in self.v1.alone if name in sets["v1.0"]]
        for app in self.extensions.installed.values():
            sets[app.path] = self.extensions.with_webhooks(app.path)
        resources = [f"{api}/{name}" for api, names in sets.items() for name in names]
        if self.runtime is None or resources != self.resources:
            self.runtime, self.resources = runtime_api(self.company, resources, self.options.page_size), resources
        return self.runtime

    async def token(self, request: Request) -> Response:
        """The token endpoint of Microsoft Entra: an access token for a client's id and secret (form or Basic).

        Further clients have the id with a dash and more behind it, and the same secret.
        """
        form = dict(parse_qsl((await request.body()).decode()))
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        own, own_secret = self.options.client
        in_form = secret == own_secret and (client == own or client.startswith(f"{own}-"))
        if not in_form and request.headers.get("authorization") != _basic(self.options.client):
            return JSONResponse({"error": "invalid_client", "error_description": "AADSTS7000215"}, 401)
        if SCOPE not in form.get("scope", SCOPE).split():
            return JSONResponse({"error": "invalid_scope", "error_description": "AADSTS70011"}, 400)
        value = uuid.uuid4().hex
        self.tokens[value] = client
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
        elif (limits := self.limits[self._client(request)]).refused(time.monotonic()):
            reply = JSONResponse(Refused(429, "Unknown", "Too many requests.").body(), 429)
        else:
            fault = self.faults.take(request.method, request.url.path)
            reply = await self._within(limits, lambda: with_fault(fault, request, self._run))
        reply.headers["request-id"] = request.state.request_id
        reply.headers["date"] = http_date(self.company.clock.now())
        fault_kind = fault["kind"] if fault else ""
        self.log.note(request, reply.status_code, fault_kind, request.state.request_id)
        return reply

    async def _within(self, limits: Limits, work: Callable[[], Awaitable[Response]]) -> Response:
        try:
            async with limits.slot():
                try:
                    return await asyncio.wait_for(work(), limits.operation_s)
                except TimeoutError:
                    return JSONResponse(Refused(408, "Unknown", "The operation was canceled.").body(), 408)
        except TimeoutError:
            headers = {"Retry-After": "60"}
            return JSONResponse(Refused(503, "Unknown", "The request waited too long.").body(), 503, headers)

    async def _run(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_LIMIT:
            return _response(Reply.refused(Refused(413, "BadRequest", "The request body is too large.")))
        api = _api_name(request)
        if "publisher" in request.path_params and self.extensions.sets(api) is None:
            return _response(Reply.refused(no_route(str(request.url))))
        call = self._call(request, body, api)
        # Each operation of a batch has one "method", so the body need not be parsed to count them.
        operations = body.count(b'"method"') if call.path == "$batch" else 1
        latency = self.options.latency_s + self.options.operation_latency_s * operations
        if latency:
            await asyncio.sleep(latency)
        if call.path.split("(")[0] == "subscriptions" and api != RUNTIME:
            self.webhooks.drop_expired()
            if call.method + call.path not in SUBSCRIPTION_CALLS_OF_API:
                return _response(await self._subscriptions(call, self._with_webhooks(api)))
        return _response(self._api_for(api, call).answer(call))

    def _call(self, request: Request, body: bytes, api: str) -> Call:
        url, api = str(request.url), f"/api/{api}"
        base = url[: url.index(api)] + api
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        query.pop("tenant", None)  # on-premises, it names the database and is no OData option
        rest = request.path_params.get("rest", "")
        headers = dict(request.headers) | {"client-request-id": request.state.request_id}
        raw_path = quote(rest, safe=UNQUOTED_IN_PATHS)
        return Call(request.method, unquote(rest), query, headers, body, base, raw_path, request.url.query)

    def _api_for(self, api: str, call: Call) -> Api:
        """The API on the primary database or, for a GET that does not ask for the primary, on the replica."""
        if api == RUNTIME:
            return self._runtime()
        if api == "v1.0":
            return self.v1
        wants_primary = call.method != "GET" or call.headers.get("data-access-intent", "").lower() == "readwrite"
        company = self.company if wants_primary or not self.replica else self.replica.current()
        if sets := self.extensions.sets(api):
            return ExtensionApi(self.extensions, company, self.options.page_size, sets)
        if company is self.company:
            return self.api
        return Api(company, self.options.page_size, self.api.visible_sets)

    async def _subscriptions(self, call: Call, sets: Mapping[str, str]) -> Reply:
        try:
            etag = call.headers.get("if-match")
            if call.path == "subscriptions" and call.method == "POST":
                return self._subscription(201, await self.webhooks.subscribe(call.json(), sets), call)
            if call.path == "subscriptions" or call.method in ("POST", "PUT", "OPTIONS"):
                raise not_allowed(call.method, "subscriptions")
            record = self.webhooks.existing(call.path.partition("(")[2].strip("')"))
            if call.method == "PATCH":
                return self._subscription(200, await self.webhooks.renew(record, call.json(), etag, sets), call)
            if call.method == "DELETE":
                self.webhooks.remove(record, etag)
                return Reply(204)
            return self._subscription(200, record, call)
        except Refused as refusal:
            return Reply.refused(refusal)

    def _subscription(self, status: int, record: Record, call: Call) -> Reply:
        view = View(self.company, call.base, self.company.schema)
        return Reply.json(status, single(view, self.company.entity("subscriptions"), record, Query()))

    def _client(self, request: Request) -> str:
        """The client that makes a call. Each has limits of its own."""
        return self.tokens.get(request.headers.get("authorization", "").partition(" ")[2], "")

    def _signed_in(self, request: Request) -> bool:
        authorization = request.headers.get("authorization", "")
        kind, _, value = authorization.partition(" ")
        if kind == "Bearer":
            return value in self.tokens
        # BC online takes no Basic authentication. Only its addresses have /v2.0/ before /api/.
        is_online = "/v2.0/" in request.url.path.split("/api/")[0] + "/"
        return authorization == _basic(self.options.user) and not is_online


def create_app(path: Path | None = None, options: Options | None = None) -> Starlette:
    """The sandbox as an ASGI application. With a `path`, its records survive a restart."""
    sandbox = Sandbox(path, options or Options())
    company = sandbox.company
    prefixes = ("/v2.0/{environment}", "/v2.0/{tenant}/{environment}", "/{instance}")
    routes = [
        *control_routes(company.records, company.clock, sandbox.faults, sandbox.log, sandbox.seeding.seed),
        Route("/__user", control_endpoint(partial(people.act, company)), methods=["POST"]),
        Route("/{tenant}/oauth2/v2.0/token", sandbox.token, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", sandbox.discovery),
        Route("/environments/v1.2", sandbox.environments),
        Route("/admin/v2.1/applications/businesscentral/environments", sandbox.environments),
        *(
            Route(f"{prefix}/api/{api}{rest}", sandbox.call, methods=METHODS)
            for api in (*available_apis(sandbox.options.version), RUNTIME, "{publisher}/{group}/{version}")
            for prefix in prefixes
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
    return JSONResponse(no_route(str(request.url)).body(), 404)


def _api_name(request: Request) -> str:
    """The address of the called API below `api/`: `v2.0`, or publisher, group and version."""
    if "publisher" in request.path_params:
        return "/".join(request.path_params[name] for name in ("publisher", "group", "version"))
    return next(one for one in ("v1.0", "v2.0", RUNTIME) if f"/api/{one}" in request.url.path)


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
