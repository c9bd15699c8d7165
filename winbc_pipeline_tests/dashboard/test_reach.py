"""Other computers reach the dashboard by TLS, or by their proxy, and not otherwise. Sources: docs/dashboard.md; OWASP
ASVS 5.0, 3.3.1, 3.3.3, 3.4.1, 4.1.2, 4.4.1, 12.1 and 12.2."""

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from winbc_pipeline.cli.dagster_home import check_port, wait_until_served
from winbc_pipeline.dashboard.reach import base_address, listening
from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.settings import DashboardSettings, load_settings

from ..support.certificates import self_signed
from ..support.dashboard import door_of

NAME, EVERY = "shop.example.com", "0.0.0.0"  # noqa: S104 - nothing listens there in these tests


def tls(tmp_path: Path, **more: object) -> dict[str, object]:
    path = self_signed(tmp_path / "own.pem")
    return {"certificate": path, "private_key": path, **more}


@contextmanager
def served(tmp_path: Path, **options: object) -> Iterator[int]:
    """The dashboard on 127.0.0.1, as its process serves it; gives the port."""
    how = listening(DashboardSettings.model_validate(options))
    config = uvicorn.Config(door_of(tmp_path, **options), port=0, log_level="critical", ws="none", **how)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['listen = "0.0.0.0"', f'hosts = ["{NAME}"]'], "dashboard.proxy"),
        (['listen = "192.0.2.7"'], "dashboard.certificate"),
        (['listen = "0.0.0.0"', 'proxy = "192.0.2.1"'], "dashboard.hosts"),
        (['certificate = "a.pem"'], "dashboard.private_key"),
    ],
)
def test_an_address_that_others_reach_is_refused_without_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("winbc.toml").write_text("\n".join(["[dashboard]", *lines]))
    with pytest.raises(ConfigurationError, match="E-CONFIG") as refused:
        load_settings()
    assert told in str(refused.value)


def test_by_tls_the_cookie_is_bound_to_its_host_and_plain_http_is_not_answered(tmp_path: Path) -> None:
    options = tls(tmp_path)
    door = door_of(tmp_path, **options)
    context = ssl.create_default_context(cafile=tmp_path / "own.pem")
    with served(tmp_path, **options) as port, httpx.Client(verify=context) as client:
        address = f"https://127.0.0.1:{port}"
        answer = client.get(address, params={"token": door.access.tokens["view"]})
        assert answer.headers["set-cookie"].startswith(f"__Host-{door.access.cookie}=")
        assert "; Secure" in answer.headers["set-cookie"] and "domain" not in answer.headers["set-cookie"].lower()
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert client.get(f"{address}/me").status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/login")


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    """ASVS 5.0, 12.1.1."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with served(tmp_path, **tls(tmp_path)) as port, pytest.raises(httpx.ConnectError):
        httpx.get(f"https://127.0.0.1:{port}/login", verify=old)


def test_the_command_waits_for_a_dashboard_with_tls_and_trusts_that_certificate_alone(tmp_path: Path) -> None:
    options = tls(tmp_path)
    with (
        served(tmp_path, **options) as port,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process,
    ):
        known = DashboardSettings.model_validate(options)
        wait_until_served(process, port, tmp_path / "ui.log", options=known)
        process.communicate(b"\n")


def test_without_tls_there_is_no_hsts(tmp_path: Path) -> None:
    headers = TestClient(door_of(tmp_path), "http://127.0.0.1:3000").get("/login").headers
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("sender", "status"), [("192.0.2.1", 200), ("::ffff:192.0.2.1", 200), ("127.0.0.1", 200), ("192.0.2.2", 403)]
)
def test_with_a_proxy_nobody_else_is_answered(tmp_path: Path, sender: str, status: int) -> None:
    door = door_of(tmp_path, hosts=[NAME], proxy="192.0.2.1", listen=EVERY)
    client = TestClient(door, f"https://{NAME}", client=(sender, 50000))
    assert client.get("/login", headers={"x-forwarded-for": "127.0.0.1"}).status_code == status


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    options = DashboardSettings.model_validate(tls(tmp_path))
    (tmp_path / "own.pem").chmod(0o604)
    with pytest.raises(ConfigurationError, match="Others may read"):
        listening(options)


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_certificate_that_cannot_serve_is_told(tmp_path: Path, content: str) -> None:
    options = DashboardSettings.model_validate(tls(tmp_path))
    (tmp_path / "own.pem").write_text(content)
    with pytest.raises(ConfigurationError, match="TLS cannot be served"):
        listening(options)


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({}, "http://127.0.0.1:3000"),
        ({"listen": EVERY, "hosts": [NAME], "certificate": "c", "private_key": "k"}, f"https://{NAME}:3000"),
        ({"listen": "::", "hosts": [NAME], "proxy": "192.0.2.1"}, f"https://{NAME}"),
    ],
)
def test_the_address_that_is_shown_is_the_one_that_people_can_open(options: dict[str, object], address: str) -> None:
    assert base_address(DashboardSettings.model_validate(options), 3000) == address


def test_an_address_that_this_computer_does_not_have_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"dashboard\.listen"):
        check_port(3999, "192.0.2.7")
