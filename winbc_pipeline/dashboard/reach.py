"""Where the dashboard is: the address that people open, where its process listens, and TLS."""

import ssl
from ipaddress import ip_address
from pathlib import Path

from ..errors import ConfigurationError
from ..settings import DashboardSettings

HERE = "127.0.0.1"
FOREIGN = 0o007  # the rights of whoever is neither the owner of a file nor of its group


def base_address(options: DashboardSettings, port: int) -> str:
    """The address that people open, without a path: by the first name of `dashboard.hosts` where others reach it."""
    if options.listen.is_loopback:
        return own_address(options, port)
    name = options.hosts[0]
    return f"https://{name}:{port}" if options.certificate else f"https://{name}"  # a proxy has the usual port


def own_address(options: DashboardSettings, port: int) -> str:
    """The address at which this computer itself reaches it."""
    host = options.listen
    if host.is_unspecified:
        host = ip_address(HERE if host.version == 4 else "::1")
    scheme = "https" if options.certificate else "http"
    return f"{scheme}://[{host}]:{port}" if host.version == 6 else f"{scheme}://{host}:{port}"


def listening(options: DashboardSettings) -> dict[str, object]:
    """The options of `uvicorn.run`: where it listens, and with which certificate (TLS 1.2 and newer).

    What a proxy says of the browser is not looked at. Raises: ConfigurationError for files that cannot serve.
    """
    found: dict[str, object] = {"host": str(options.listen), "proxy_headers": False}
    if options.certificate and options.private_key:
        _check(options.certificate, options.private_key)
        found |= {"ssl_certfile": str(options.certificate), "ssl_keyfile": str(options.private_key)}
    return found


def trusted(options: DashboardSettings) -> ssl.SSLContext | bool:
    """What this computer trusts when it asks its own dashboard: exactly that certificate, whoever signed it."""
    if not options.certificate:
        return True
    context = ssl.create_default_context(cafile=str(options.certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False  # it names the computer as others call it
    return context


def _check(certificate: Path, private_key: Path) -> None:
    hint = (
        "dashboard.certificate and dashboard.private_key are PEM files that belong together, the key without password."
    )
    try:
        if private_key.stat().st_mode & FOREIGN:
            raise ConfigurationError(f"Others may read {private_key}.", f"chmod 600 {private_key}")
        # Without a function that gives a password, OpenSSL would ask the terminal for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, lambda: b"")
    except (OSError, ssl.SSLError, ValueError):
        raise ConfigurationError(f"TLS cannot be served with {certificate} and {private_key}.", hint) from None
