"""TLS: a certificate of one's own network counts with `ca_bundle` only. Source: docs/security.md."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from winbc_pipeline.errors import ConfigurationError, SystemUnavailable
from winbc_pipeline.systems.transport import Limits, Transport


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that nobody has signed, for 127.0.0.1, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    path = tmp_path / "own.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + private)
    return path


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
    threading.Thread(target=server.serve_forever, daemon=True).start()
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
