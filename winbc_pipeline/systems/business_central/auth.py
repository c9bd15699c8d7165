"""Authorization headers for Business Central: Entra client credentials (with msal), or Basic on-premises.

Source: behaviour.md section 2.
"""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ...errors import AuthenticationFailed, SystemUnavailable, WinbcError
from ...secret_sources import current
from ...settings import BusinessCentralSettings, check_set
from ..timed import TimedTransport
from ..transport import authorities, check_address
from .certificate import certificate_of

SYSTEM = "Business Central"  # whose credentials these are
DEADLINE_S = 30  # of one call to the authority, from its beginning to the end of its answer


class _MsalDoor:
    """The HTTP client that msal uses. msal insists on https, but a sandbox on loopback speaks http."""

    def __init__(self, authority: str, ca_bundle: Path | None) -> None:
        self.ca_bundle = ca_bundle
        self.plain = authority.startswith("http://127.0.0.1:")

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        return self._call("GET", url, params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        return self._call("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """Nothing is kept open."""

    def _call(self, method: str, url: str, **what: Any) -> httpx.Response:
        where = url.replace("https://", "http://", 1) if self.plain else url
        ends = time.monotonic() + DEADLINE_S
        line = TimedTransport(authorities(self.ca_bundle), lambda: ends - time.monotonic())
        with httpx.Client(transport=line, timeout=DEADLINE_S, trust_env=False) as client:
            return client.request(method, where, **what)


def authorization_source(
    settings: BusinessCentralSettings, ca_bundle: Path | None = None, section: str = "bc"
) -> Callable[[str | None], str]:
    """A function that gives the Authorization header, for `Transport`.

    Its argument is the header that was refused, or None. For a refused one it gets a fresh token, unless another thread
    has done so already. It raises AuthenticationFailed when there is no token, SystemUnavailable when the authority
    does not answer.

    Args:
        ca_bundle: a PEM file with further certificate authorities that are trusted.
        section: of the settings, that has the id and the secret of the application.

    Raises: ConfigurationError for credentials that are not whole.
    """
    if settings.user:
        password = settings.password.get_secret_value()
        check_set({"bc.password": password})
        return lambda _: basic(settings.user, "bc.password", password, settings.folder)
    secret = {} if settings.certificate else {f"{section}.client_secret": settings.client_secret.get_secret_value()}
    check_set({f"{section}.client_id": settings.client_id, **secret, "bc.authority": settings.authority})
    if settings.certificate:
        certificate_of(settings)  # a file that cannot be read is told before any call
    check_address("bc.authority", settings.authority)
    return _client_credentials(settings, ca_bundle, section)


def basic(user: str, setting: str, password: str, folder: Path) -> str:
    """The header of HTTP Basic, with the password as it is now.

    Args:
        setting: the name of the password's setting.
        folder: of the connection.
    """
    return "Basic " + base64.b64encode(f"{user}:{current(setting, password, folder)}".encode()).decode()


def _client_credentials(
    settings: BusinessCentralSettings, ca_bundle: Path | None, section: str
) -> Callable[[str | None], str]:
    import threading

    import msal

    lock = threading.Lock()
    application: list[Any] = []
    given = ""

    def header(refused: str | None) -> str:
        nonlocal given
        with lock:
            try:
                # msal keeps a token until it expires; only a new application asks for a fresh one before.
                if refused == given or not application:
                    application[:] = [_application(settings, ca_bundle, section)]
                answer = application[0].acquire_token_for_client([settings.scope])
            except (httpx.HTTPError, msal.exceptions.MsalError, ValueError) as error:
                application.clear()
                raise _no_token(error) from None
            if "access_token" not in answer:
                application.clear()  # the next one asks with the secret as it is then
                hint = f"Check {section}.client_id and the client secret or certificate."
                words = f"The authority gives no token ({answer.get('error')})."
                raise AuthenticationFailed(words, hint, SYSTEM)
            given = f"Bearer {answer['access_token']}"
            return given

    return header


def _no_token(error: Exception) -> WinbcError:
    """The error for people: an authority that does not answer is no refusal of the credentials."""
    import msal

    words, hint = f"No token from the authority ({type(error).__name__}).", "Check bc.authority and the network."
    # msal raises a service error for statuses of 500 and more, and a ValueError for an authority that does not exist.
    is_down = isinstance(error, httpx.HTTPError | msal.exceptions.MsalServiceError)
    return (SystemUnavailable if is_down else AuthenticationFailed)(words, hint, SYSTEM)


def _credential(settings: BusinessCentralSettings, section: str) -> str | dict[str, str]:
    """What the application signs in with, as msal takes it: its secret, or its certificate with the private key."""
    if settings.certificate is None:
        return current(f"{section}.client_secret", settings.client_secret.get_secret_value(), settings.folder)
    return certificate_of(settings).credential


def _application(settings: BusinessCentralSettings, ca_bundle: Path | None, section: str) -> Any:
    import msal

    return msal.ConfidentialClientApplication(
        settings.client_id,
        client_credential=_credential(settings, section),
        authority=settings.authority.replace("http://127.0.0.1:", "https://127.0.0.1:", 1),  # see _MsalDoor
        instance_discovery=False,
        http_client=_MsalDoor(settings.authority, ca_bundle),
    )
