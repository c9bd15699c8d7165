"""The Winstore sandbox over HTTP: Basic authentication, parameters, XML or JSON, planned faults.

Here belongs: how clients and Winstore talk (winstore.md section 2). What the calls do: shop.py.
"""

import asyncio
import base64
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .control import CallLog, control_endpoint, control_routes, http_date
from .faults import Faults, with_fault
from .pictures import load_pictures, picture_of, post_picture, set_picture
from .records import Record, dumps
from .refusals import Refused
from .retail import read_folder
from .shop import Shop

BASE = "/iposws/api/osd"
SINGULAR = {"orderstatuses": "orderstatus", "addresses": "address"}


def parameters(query: str) -> dict[str, str]:
    """The query parameters. Winstore's public client joins them with `?` in place of `&`; both are accepted."""
    pairs = (part.partition("=") for part in re.split(r"[?&]", query) if part)
    return {name: unquote(value) for name, _, value in pairs}


def from_xml(element: Element) -> Any:
    """The value of an XML element: its text, or its children by name. Children with the same name become a list."""
    if not len(element):
        return (element.text or "").strip()
    groups: dict[str, list[Any]] = {}
    for child in element:
        groups.setdefault(child.tag, []).append(from_xml(child))
    return {tag: values if len(values) > 1 else values[0] for tag, values in groups.items()}


def to_xml(name: str, value: Any) -> str:
    """A value as an XML element. The items of a list get the singular of its name. An empty value is not known."""
    if value in (None, ""):
        return f"<{name}/>"
    if isinstance(value, list):
        singular = SINGULAR.get(name, name[:-1])
        content = "".join(to_xml(singular, item) for item in value)
    elif isinstance(value, dict):
        content = "".join(to_xml(key, item) for key, item in value.items())
    else:
        content = escape(str(value))
    return f"<{name}>{content}</{name}>"


@dataclass(frozen=True)
class ShopOptions:
    """How the sandbox behaves.

    Attributes:
        articles_per_call: the most changed articles that one answer has, whatever is asked for; None for no such bound.
        call_s: seconds that each call takes at least.
    """

    articles_per_call: int | None = None
    call_s: float = 0
    user: str = "winstore"
    password: str = "sandbox-secret"


def create_app(path: Path | None = None, options: ShopOptions | None = None) -> Starlette:
    """The sandbox as an ASGI application. With a `path`, its records survive a restart."""
    options = options or ShopOptions()
    shop, faults = Shop(path, options.articles_per_call), Faults()
    log = CallLog(shop.clock)
    allowed = "Basic " + base64.b64encode(f"{options.user}:{options.password}".encode()).decode()

    async def api(request: Request) -> Response:
        ends = time.monotonic() + options.call_s
        reply = await reply_to(request)
        if options.call_s:
            await asyncio.sleep(ends - time.monotonic())
        return reply

    async def reply_to(request: Request) -> Response:
        if request.headers.get("authorization") != allowed:
            return Response("<error>Unauthorized</error>", 401, {"WWW-Authenticate": "Basic"}, "application/xml")
        fault = faults.take(request.method, request.url.path)
        reply = await with_fault(fault, request, answer)
        reply.headers["date"] = http_date(shop.clock.now())
        request_id = request.headers.get("client-request-id", "")
        fault_kind = fault["kind"] if fault else ""
        log.note(request, reply.status_code, fault_kind, request_id)
        return reply

    async def answer(request: Request) -> Response:
        call = request.path_params["call"]
        try:
            if request.method == "POST" and call in shop.writes:
                return _result(200, "", shop.write(call, _sent(await request.body())))
            if request.method == "POST" and call == "PostArticlePicture":
                post_picture(shop, parameters(request.url.query), await request.body())
                return _result(200, "")
            if request.method == "GET" and call == "GetArticlePicture":
                kind, content = picture_of(shop.records, parameters(request.url.query))
                return Response(content, media_type=kind)
            if request.method == "GET" and call in shop.reads:
                return _rows(request, *shop.reads[call](parameters(request.url.query)))
        except Refused as refused:
            return _result(refused.code, refused.message)
        return Response("<error>Unknown call</error>", 404, media_type="application/xml")

    routes = [
        *control_routes(shop.records, shop.clock, faults, log, lambda body: _seed(shop, body)),
        Route("/__picture", control_endpoint(partial(set_picture, shop)), methods=["POST"]),
        Route(BASE + "/{call}", api, methods=["GET", "POST"]),
    ]
    app = Starlette(routes=routes)
    app.state.records = shop.records
    return app


def _seed(shop: Shop, body: dict[str, Any]) -> dict[str, int]:
    """Answers `POST /__seed`: `{"folder": …}` adds the records of a retail folder. Raises ValueError."""
    folder = Path(str(body.get("folder") or ""))
    if not (folder / "articles.csv").is_file():
        raise ValueError(f"{folder} is no retail folder: it has no articles.csv.")
    retail = read_folder(folder)
    load_pictures(shop.records, folder / "pictures", retail["articles"])
    return shop.load(retail)


def _sent(body: bytes) -> dict[str, Any]:
    try:
        content = from_xml(fromstring(body, forbid_dtd=True))
    except (ParseError, DefusedXmlException):
        raise Refused(400, "not whole, safe XML") from None
    if not isinstance(content, dict):
        raise Refused(400, "an empty record")
    return content


def _result(code: int, message: str, told: Record | None = None) -> Response:
    """The answer to a write, and to a call that is refused: HTTP 200 with a status code inside. This is assumed."""
    body = to_xml("result", {"statuscode": str(code), "message": message} | (told or {}))
    return Response(f"<?xml version='1.0'?>{body}", media_type="application/xml")


def _rows(request: Request, root: str, item: str, rows: list[dict[str, Any]]) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return Response(dumps({root: {item: rows}}), media_type="application/json")
    return Response(f"<?xml version='1.0'?>{to_xml(root, rows)}", media_type="application/xml")
