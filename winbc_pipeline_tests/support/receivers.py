"""Who gets alerts in tests: a webhook and a mail server on loopback, which note what came and fail on demand."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Receiver:
    """What came: subject and text of each message. While `status` is not 200, nothing is taken."""

    url: str = ""
    status: int = 200
    hangs: threading.Event = field(default_factory=threading.Event)
    tried: int = 0
    messages: list[tuple[str, str]] = field(default_factory=list)
    pings: int = 0

    def __post_init__(self) -> None:
        self.hangs.set()  # it does not hang

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.messages]

    @property
    def texts(self) -> str:
        """All that was ever told."""
        return "\n".join(f"{subject}\n{text}" for subject, text in self.messages)


@contextmanager
def webhook() -> Iterator[Receiver]:
    """A webhook that takes apprise's JSON, and a GET as a ping, until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            receiver.tried += 1
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.hangs.wait()
            if receiver.status == 200:
                receiver.messages.append((content["title"], content["message"]))
            self._answer()

        def do_GET(self) -> None:  # noqa: N802
            receiver.pings += 1
            self._answer()

        def _answer(self) -> None:
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"json://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.hangs.set()
        server.shutdown()
        server.server_close()


@contextmanager
def mail_server() -> Iterator[Receiver]:
    """A mail server without encryption until the block ends."""
    receiver = Receiver()

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            receiver.tried += 1
            message = message_from_bytes(envelope.content, policy=default)
            part = message.get_body(preferencelist=("plain", "html"))
            if receiver.status != 200:
                return "451 try again"
            receiver.messages.append((message["subject"], part.get_content() if part else ""))
            return "250 taken"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    receiver.url = f"mailto://127.0.0.1:{port}/?from=winbc@shop.example&to=operator@shop.example&mode=insecure"
    try:
        yield receiver
    finally:
        controller.stop()
