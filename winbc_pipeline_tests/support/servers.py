"""Servers that stay for all tests of a worker. Each test gets sandboxes of its own behind the same addresses.

To start and end two servers takes longer than most tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from winbc_pipeline.sandbox import winstore
from winbc_pipeline.sandbox.bc import app as business_central
from winbc_pipeline.sandbox.server import Addresses, running, with_bc, with_winstore


class Replaceable:
    """An ASGI application that hands each call to the sandbox of the present test."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self.bytes_sent = 0  # of all bodies, since the last sandbox came

    @property
    def state(self) -> Any:
        return self.app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            self.bytes_sent += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, count)

    def replace(self, app: Starlette) -> None:
        self.app.state.records.db.close()
        self.app, self.bytes_sent = app, 0


@dataclass(frozen=True)
class Servers:
    """Both servers, and where they listen."""

    business_central: Replaceable
    winstore: Replaceable
    addresses: Addresses

    def renew(self) -> None:
        """Empty sandboxes, as they are when they start."""
        self.business_central.replace(business_central.create_app(None))
        self.winstore.replace(winstore.create_app(None))


@contextmanager
def started() -> Iterator[Servers]:
    """Both servers until the block ends."""
    bc, shop = Replaceable(business_central.create_app(None)), Replaceable(winstore.create_app(None))
    with running(bc) as bc_url, running(shop) as winstore_url:  # type: ignore[arg-type]
        yield Servers(bc, shop, with_winstore(with_bc(Addresses(), bc_url), winstore_url))
