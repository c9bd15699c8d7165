"""Runs the sandboxes on loopback, in threads of this process.

Here belongs: ports, start and stop. What the sandboxes answer: bc/ and winstore.py.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from . import winstore
from .bc import app as business_central
from .bc.app import Options
from .setup_data import COMPANY_NAME
from .winstore import ShopOptions

System = Literal["both", "bc", "winstore"]


@dataclass(frozen=True)
class Addresses:
    """Where the sandboxes listen, and how to sign in. The credentials work for the sandboxes only."""

    bc_base: str = ""
    bc_control: str = ""
    authority: str = ""
    tenant: str = ""
    company: str = ""
    client_id: str = ""
    client_secret: str = ""
    winstore_base: str = ""
    winstore_control: str = ""
    winstore_user: str = ""
    winstore_password: str = ""

    def environment(self) -> dict[str, str]:
        """The environment variables that make the program use these sandboxes."""
        settings = {
            "WINBC_BC__BASE_URL": self.bc_base,
            "WINBC_BC__AUTHORITY": self.authority,
            "WINBC_BC__COMPANY": self.company,
            "WINBC_BC__CLIENT_ID": self.client_id,
            "WINBC_BC__CLIENT_SECRET": self.client_secret,
            "WINBC_WINSTORE__BASE_URL": self.winstore_base,
            "WINBC_WINSTORE__USER": self.winstore_user,
            "WINBC_WINSTORE__PASSWORD": self.winstore_password,
        }
        return {name: value for name, value in settings.items() if value}

    def as_dict(self) -> dict[str, str]:
        """The addresses and credentials of the sandboxes that run."""
        return {name: value for name, value in asdict(self).items() if value}


@contextmanager
def serve(
    data: Path | None = None,
    bc_port: int = 0,
    winstore_port: int = 0,
    options: Options | None = None,
    system: System = "both",
    shop_options: ShopOptions | None = None,
) -> Iterator[Addresses]:
    """Runs the sandboxes until the block ends.

    Port 0 means any free port. With a folder `data`, the records are kept there and survive a restart.

    Args:
        options: how Business Central behaves.
        shop_options: how Winstore behaves.
    """
    if data:
        data.mkdir(parents=True, exist_ok=True)
    bc_records = data / "business_central.sqlite" if data else None
    winstore_records = data / "winstore.sqlite" if data else None
    addresses = Addresses()
    with ExitStack() as stack:
        if system != "winstore":
            app = business_central.create_app(bc_records, options)
            addresses = with_bc(addresses, stack.enter_context(running(app, bc_port)))
        if system != "bc":
            shop = winstore.create_app(winstore_records, shop_options)
            addresses = with_winstore(addresses, stack.enter_context(running(shop, winstore_port)))
        yield addresses


def with_bc(addresses: Addresses, url: str) -> Addresses:
    """The same with the Business Central sandbox at an address."""
    return replace(
        addresses,
        bc_base=f"{url}/v2.0/sandbox/api/v2.0",
        bc_control=url,
        authority=f"{url}/sandbox-tenant",
        tenant="sandbox-tenant",
        company=COMPANY_NAME,
        client_id="winbc",
        client_secret="sandbox-secret",
    )


def with_winstore(addresses: Addresses, url: str) -> Addresses:
    """The same with the Winstore sandbox at an address."""
    known = {"winstore_user": "winstore", "winstore_password": "sandbox-secret"}
    return replace(addresses, winstore_base=url + winstore.BASE, winstore_control=url, **known)


class Cuttable(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection that an application can close by `request.state.cut()`, as some planned faults do."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state: dict[str, object] = {**self.app_state, "cut": transport.close}


@contextmanager
def running(app: Starlette, port: int = 0) -> Iterator[str]:
    """Runs one application on 127.0.0.1 until the block ends. Yields its address."""
    listener = socket.create_server(("127.0.0.1", port))
    quiet: dict[str, Any] = {"log_level": "critical", "access_log": False}
    config = uvicorn.Config(app, lifespan="off", ws="none", http=Cuttable, date_header=False, **quiet)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    # A thread that has ended failed to start the server.
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
        app.state.records.db.close()
