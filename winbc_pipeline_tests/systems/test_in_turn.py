"""Several users of Business Central share the calls of a connection, and their limits add up.

Source of the promise: docs/scale.md, "Business Central's limits". Microsoft's limits hold for a user.
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from winbc_pipeline.errors import ConfigurationError
from winbc_pipeline.sandbox.bc import app as sandbox
from winbc_pipeline.sandbox.server import Addresses, running, with_bc
from winbc_pipeline.settings import BusinessCentralSettings, Settings, load_settings
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.systems.in_turn import InTurn

from ..support.sandboxes import HTTP

MOST, AT_ONCE = 20, 5


def of_two(addresses: Addresses) -> Settings:
    """A connection that calls as two applications."""
    further = {"b": {"client_id": f"{addresses.client_id}-b", "client_secret": addresses.client_secret}}
    own = {"base_url": addresses.bc_base, "authority": addresses.authority, "company": addresses.company}
    own |= {"client_id": addresses.client_id, "client_secret": addresses.client_secret}
    return Settings(bc=BusinessCentralSettings(**own, further=further, requests_per_window=MOST))  # type: ignore[arg-type]


def test_two_users_make_twice_as_many_calls_before_they_wait_and_none_is_refused() -> None:
    def waits(_: float) -> None:
        raise AssertionError("a user waits, while the other one has room")

    with running(sandbox.create_app(None, sandbox.Options(requests_per_window=MOST))) as url:
        target = BusinessCentral(of_two(with_bc(Addresses(), url)))
        for each in target.transport.transports:
            each.sleep = waits
        for _ in range(2 * MOST):
            target.companies()
        statuses = Counter(call["status"] for call in HTTP.get(f"{url}/__log").json()["calls"])
        target.close()
    assert statuses == {200: 2 * MOST}


class User:
    """A transport that answers once all calls of all users are at work."""

    def __init__(self, together: threading.Barrier, pausing: bool = False) -> None:
        self.together, self.pausing, self.calls = together, pausing, 0

    def call(self, *_: object) -> Any:
        self.calls += 1
        self.together.wait(10)
        return SimpleNamespace(status=200)


def test_calls_at_once_add_up() -> None:
    together = threading.Barrier(2 * AT_ONCE)
    users = [User(together), User(together)]
    both = InTurn(users)  # type: ignore[arg-type]
    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        answers = list(pool.map(lambda _: both.call("GET", "companies").status, range(2 * AT_ONCE)))
    assert answers == [200] * 2 * AT_ONCE
    assert [each.calls for each in users] == [AT_ONCE, AT_ONCE]


def test_a_user_that_is_not_answered_leaves_the_calls_to_the_others() -> None:
    alone = threading.Barrier(1)
    without_token, other = User(alone, pausing=True), User(alone)
    both = InTurn([without_token, other])  # type: ignore[arg-type]
    for _ in range(3):
        both.call("GET", "companies")
    assert (without_token.calls, other.calls) == (0, 3)
    assert not both.pausing


def test_as_many_calls_are_in_flight_as_all_users_may_make() -> None:
    target = BusinessCentral(of_two(with_bc(Addresses(), "http://127.0.0.1:9")))
    assert target.in_flight == 2 * AT_ONCE


def test_the_secret_of_a_further_application_comes_from_the_environment_and_never_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "winbc.toml"
    file.write_text('[bc]\nclient_id = "one"\n[bc.further.b]\nclient_id = "two"\n')
    monkeypatch.setenv("WINBC_BC__FURTHER__B__CLIENT_SECRET", "hidden")
    users = load_settings().bc.users
    assert [each.client_id for each in users.values()] == ["one", "two"]
    assert users["bc.further.b"].client_secret.get_secret_value() == "hidden"

    file.write_text('[bc.further.b]\nclient_id = "two"\nclient_secret = "shown"\n')
    with pytest.raises(ConfigurationError, match=r"bc\.further\.b\.client_secret is a secret"):
        load_settings()
