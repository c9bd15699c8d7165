"""Authorization headers for Business Central: Entra client credentials (with msal), or Basic on-premises.

Source: behaviour.md section 2.
"""

import base64
import time
from collections.abc import Callable
from typing import Any

import httpx

from ...errors import AuthenticationFailed, SystemUnavailable, WinbcError
from ...settings import BusinessCentralSettings, check_set
from ..timed import TimedTransport
from ..transport import authorities, check_address

SYSTEM = "Business Central"  # whose credentials these are
DEADLINE_S = 30  # of one call to the authority, from its beginning to the end of its answer


class _MsalDoor:
    """The HTTP client that msal uses. msal insists on https, but a sandbox on loopback speaks http."""

    def __init__(self, authority: str) -> None:
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
        line = TimedTransport(authorities(), lambda: ends - time.monotonic())
        with httpx.Client(transport=line, timeout=DEADLINE_S, trust_env=False) as client:
            return client.request(method, where, **what)


def authorization_source(settings: BusinessCentralSettings) -> Callable[[str | None], str]:
    """A function that gives the Authorization header, for `Transport`.

    Its argument is the header that was refused, or None. For a refused one it gets a fresh token, unless another thread
    has done so already. It raises AuthenticationFailed when there is no token, SystemUnavailable when the authority
    does not answer.

    Raises: ConfigurationError for credentials that are not whole.
    """
    if settings.user:
        check_set({"bc.password": settings.password.get_secret_value()})
        pair = f"{settings.user}:{settings.password.get_secret_value()}".encode()
        header = "Basic " + base64.b64encode(pair).decode()
        return lambda _: header
    secret = settings.client_secret.get_secret_value()
    check_set({"bc.client_id": settings.client_id, "bc.client_secret": secret, "bc.authority": settings.authority})
    check_address("bc.authority", settings.authority)
    return _client_credentials(settings)


def _client_credentials(settings: BusinessCentralSettings) -> Callable[[str | None], str]:
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
                    application[:] = [_application(settings)]
                answer = application[0].acquire_token_for_client([settings.scope])
            except (httpx.HTTPError, msal.exceptions.MsalError, ValueError) as error:
                application.clear()
                raise _no_token(error) from None
            if "access_token" not in answer:
                hint = "Check bc.client_id and the client secret."
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


def _application(settings: BusinessCentralSettings) -> Any:
    import msal

    return msal.ConfidentialClientApplication(
        settings.client_id,
        client_credential=settings.client_secret.get_secret_value(),
        authority=settings.authority.replace("http://127.0.0.1:", "https://127.0.0.1:", 1),  # see _MsalDoor
        instance_discovery=False,
        http_client=_MsalDoor(settings.authority),
    )
