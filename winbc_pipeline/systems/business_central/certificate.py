"""The certificate with which the Entra application may sign in, in the place of a client secret.

Source: Microsoft identity platform, "application authentication certificate credentials": the authority knows the
certificate by its SHA-1 thumbprint, and the program signs with the private key.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ...errors import ConfigurationError
from ...secret_sources import check_private, current
from ...settings import BusinessCentralSettings


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key.

    Attributes:
        credential: as msal takes it.
        ends: when the certificate is no longer valid (UTC).
    """

    credential: dict[str, str]
    ends: datetime


def certificate_of(settings: BusinessCentralSettings) -> Certificate:
    """The certificate of the settings, as its file is now.

    Raises: ConfigurationError when the file cannot be read, has no certificate or no private key that the password
        opens, or when other users may read it.
    """
    path = settings.certificate or Path()
    check_private(path)
    password = current("bc.certificate_password", settings.certificate_password.get_secret_value(), settings.folder)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror})") from None
    return _read(path, content, password)


def _read(path: Path, content: bytes, password: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificate(content)
        load_pem_private_key(content, password.encode() or None)
    except (ValueError, TypeError):
        raise _wrong(path, "has no certificate, or no private key that `bc.certificate_password` opens") from None
    thumbprint = certificate.fingerprint(SHA1()).hex()  # noqa: S303 - the name of the certificate, and no proof
    credential = {"private_key": content.decode(), "thumbprint": thumbprint}
    if password:
        credential["passphrase"] = password
    return Certificate(credential, certificate.not_valid_after_utc)


def _wrong(path: Path, why: str) -> ConfigurationError:
    hint = "Name a PEM file with both (docs/settings.md, Business Central)."
    return ConfigurationError(f"bc.certificate: {path} {why}.", hint)
