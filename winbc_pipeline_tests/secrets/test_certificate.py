"""Signing in with a certificate in the place of a client secret. Source: Microsoft identity platform, certificate
credentials: an assertion that is signed with the private key, whose header names the certificate."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.health.expiry import ending
from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.systems.business_central import auth

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ENDS = NOW + timedelta(days=20)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(folder: Path, password: str = "", with_key: bool = True) -> Path:
    """A file with a certificate that ends in 20 days, and its private key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "winbc")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, NOW - timedelta(days=1), ENDS)
    content = builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)
    closed = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    if with_key:
        content += KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed)
    path = folder / "sign-in.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def settings(certificate: Path, password: str = "") -> BusinessCentralSettings:
    authority = "http://127.0.0.1:9/tenant"
    return BusinessCentralSettings(
        client_id="app", certificate=certificate, certificate_password=password, authority=authority
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The forms that the authority got; it gives a token for each."""
    forms: list[dict[str, Any]] = []
    where = {
        "token_endpoint": "https://127.0.0.1:9/tenant/token",
        "authorization_endpoint": "https://127.0.0.1:9/tenant/authorize",
        "issuer": "https://127.0.0.1:9/tenant",
    }

    def call(_: object, method: str, url: str, **what: Any) -> httpx.Response:
        if method == "GET":
            return httpx.Response(200, json=where)
        forms.append(what["data"])
        return httpx.Response(200, json={"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})

    monkeypatch.setattr(auth._MsalDoor, "_call", call)
    return forms


@pytest.mark.parametrize("password", ["", "open it"])
def test_the_private_key_signs_and_no_secret_is_sent(
    tmp_path: Path, asked: list[dict[str, Any]], password: str
) -> None:
    assert auth.authorization_source(settings(pem(tmp_path, password), password))(None) == "Bearer t"
    (form,) = asked
    assertion = form["client_assertion"]
    claims = jwt.decode(assertion, KEY.public_key(), ["RS256", "PS256"], options={"verify_aud": False})
    assert (claims["iss"], claims["sub"]) == ("app", "app")
    assert "client_secret" not in form


def test_a_certificate_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = pem(tmp_path)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        auth.authorization_source(settings(path))


def test_a_wrong_password_is_told_before_any_call(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    with pytest.raises(ConfigurationError, match="bc.certificate_password"):
        auth.authorization_source(settings(pem(tmp_path, "open it"), "another"))
    assert asked == []


def test_a_file_without_a_private_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no private key"):
        auth.authorization_source(settings(pem(tmp_path, with_key=False)))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        auth.authorization_source(settings(tmp_path / "none.pem"))


@pytest.mark.parametrize(("days", "told"), [(0, True), (-11, False)])
def test_its_end_is_told_thirty_days_before(tmp_path: Path, days: int, told: bool) -> None:
    known = Settings(data_folder=tmp_path, bc=settings(pem(tmp_path)))
    found = ending(known, NOW + timedelta(days=days))
    assert bool(found) == told
    assert all("certificate of bc.certificate ends on 2026-03-21" in each.words for each in found)
