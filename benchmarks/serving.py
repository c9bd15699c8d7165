"""Servers for the benchmarks, on loopback and in a process of their own.

They need the standard library only, because the peers' environment has nothing else.
"""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

START_S = 120


@contextmanager
def served(serve: Callable[..., None], *arguments: object) -> Iterator[str]:
    """The URL of the server that `serve(*arguments, ready)` runs until the block ends; `ready` takes its port."""
    spawn = multiprocessing.get_context("spawn")
    ready: multiprocessing.Queue[int] = spawn.Queue()
    server = spawn.Process(target=serve, args=(*arguments, ready), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{ready.get(timeout=START_S)}"
    finally:
        server.kill()  # gentler signals may be ignored, as the process that runs this decides
        server.join()


def answer_json(reply: Callable[[str, bytes], Awaitable[bytes]], ready: "multiprocessing.Queue[int]") -> None:
    """Answers every call with the JSON that `reply(target, body)` gives. It does not return."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            length = 0
            while (line := await reader.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reply(head.split()[1].decode(), await reader.readexactly(length))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**24)
        ready.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())
