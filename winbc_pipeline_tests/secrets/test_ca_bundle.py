"""TLS: a certificate of one's own network counts with `ca_bundle` only. Source: docs/security.md."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from winbc_pipeline.errors import ConfigurationError, SystemUnavailable
from winbc_pipeline.systems.transport import Limits, Transport

from ..support.certificates import self_signed


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "own.pem")


@pytest.fixture
def address(certificate: Path) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(address: str, ca_bundle: Path | None) -> int:
    transport = Transport("Winstore", address, lambda _: "", Limits(tries=1, ca_bundle=ca_bundle))
    try:
        return transport.call("GET", "x").status
    finally:
        transport.close()


def test_an_unknown_certificate_is_refused(address: str) -> None:
    with pytest.raises(SystemUnavailable):
        ask(address, None)


def test_one_of_the_bundle_is_trusted(address: str, certificate: Path) -> None:
    assert ask(address, certificate) == 200


def test_a_file_without_certificates_is_told(address: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    with pytest.raises(ConfigurationError, match="ca_bundle"):
        ask(address, tmp_path / "empty.pem")
