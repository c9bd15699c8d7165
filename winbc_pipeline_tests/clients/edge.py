"""TLS in front of a sandbox, and a proxy that leads Business Central's two public host names (and no other) to it.

A client whose addresses are fixed in its code is led here by HTTPS_PROXY and a certificate authority made for the run.
"""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("api.businesscentral.dynamics.com", "login.microsoftonline.com")


@dataclass(frozen=True)
class Edge:
    """The proxy's address and the file of the certificate authority to trust."""

    proxy: str
    authority: Path


@contextmanager
def edge(sandbox: str, folder: Path) -> Iterator[Edge]:
    """Runs the proxy until the block ends; `sandbox` is http://127.0.0.1:PORT."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certificates(folder)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    port = int(sandbox.rpartition(":")[2])
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=_serve, args=(connection, context, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield Edge(f"http://127.0.0.1:{listener.getsockname()[1]}", folder / "ca.pem")
    listener.close()


def _serve(connection: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """One tunnel: CONNECT, then TLS ended here, then plain bytes both ways."""
    with suppress(OSError), connection:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        method, target = head.split()[:2]
        if method != b"CONNECT" or target.decode() not in {f"{name}:443" for name in NAMES}:
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        inner = context.wrap_socket(connection, server_side=True)
        upstream = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_pump, args=(upstream, inner), daemon=True).start()
        _pump(inner, upstream, b"\r\nX-Forwarded-Proto: https")


def _pump(source: socket.socket, sink: socket.socket, header: bytes = b"") -> None:
    """Bytes from one to the other until the end; `header` is added to the first line of every request head."""
    with suppress(OSError):
        while data := source.recv(65536):
            if header and b" HTTP/1.1\r\n" in data:
                data = data.replace(b" HTTP/1.1\r\n", b" HTTP/1.1" + header + b"\r\n")
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def _certificates(folder: Path) -> None:
    """A certificate authority of the run's own, and one certificate for both public names."""
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "winbc sandbox authority")])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    ca_usage = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **usage)
    root = _certificate(ca, ca_key, ca).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    root = root.add_extension(ca_usage, True).add_extension(_identifier(ca_key), False)
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "winbc sandbox")])
    leaf_usage = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **usage)
    leaf = _certificate(own, leaf_key, ca).add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    leaf = leaf.add_extension(leaf_usage, True).add_extension(_identifier(leaf_key), False)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES]), False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "leaf.key").write_bytes(leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def _certificate(name: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())
