"""Servers that stay for all tests of a worker. Each test gets sandboxes of its own behind the same addresses.

To start and end two servers takes longer than most tests.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

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
        self.loop: asyncio.AbstractEventLoop | None = None  # of the server, since its first call
        self.of_server: set[asyncio.Task[Any]] = set()

    @property
    def state(self) -> Any:
        return self.app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.loop:
            self.loop = asyncio.get_running_loop()
            self.of_server = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}

        async def count(message: Message) -> None:
            self.bytes_sent += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, count)

    def end(self) -> None:
        """Ends the present sandbox: calls that wait, what it put off, and its records."""
        if self.loop:
            asyncio.run_coroutine_threadsafe(self._end_tasks(), self.loop).result(10)
        self.app.state.records.db.close()

    async def _end_tasks(self) -> None:
        left = asyncio.all_tasks() - self.of_server - {cast("asyncio.Task[Any]", asyncio.current_task())}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def replace(self, app: Starlette) -> None:
        self.end()
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


class Pool:
    """Servers of Business Central that stay until the stack is closed: as many as there were at once."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack, self.idle = stack, list[tuple[Replaceable, str]]()

    @contextmanager
    def running(self, app: Starlette) -> Iterator[str]:
        """The address at which a sandbox is served until the block ends."""
        server, url = self.idle.pop() if self.idle else self._started()
        server.replace(app)
        try:
            yield url
        finally:
            server.end()
            self.idle.append((server, url))

    def _started(self) -> tuple[Replaceable, str]:
        server = Replaceable(business_central.create_app(None))
        return server, self.stack.enter_context(running(server))  # type: ignore[arg-type]
