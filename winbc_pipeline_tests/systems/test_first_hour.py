"""A connection that is not set up right is told by the setting to correct, before any call where that is possible."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from winbc_pipeline.errors import ConfigurationError, SystemUnavailable, UnreadableAnswer, WinbcError
from winbc_pipeline.settings import BusinessCentralSettings, Settings, WinstoreSettings
from winbc_pipeline.systems.business_central import BusinessCentral
from winbc_pipeline.systems.winstore import Winstore

from ..support.in_process import START

SECRET = SecretStr("a secret")
BC = {"base_url": "https://bc.example/v2.0/production/api/v2.0", "company": "CRONUS"}
BASIC = BC | {"user": "winbc", "password": SECRET}
APPLICATION = BC | {"client_id": "1", "client_secret": SECRET, "authority": "https://login.example/tenant"}
WINSTORE = {"base_url": "https://shop.example/api", "user": "winbc", "password": SECRET}


def bc(**given: Any) -> BusinessCentral:
    return BusinessCentral(Settings(data_folder=Path("nowhere"), bc=BusinessCentralSettings(**given)))


def winstore(**given: Any) -> Winstore:
    return Winstore(Settings(data_folder=Path("nowhere"), winstore=WinstoreSettings(**given)))


@respx.mock
@pytest.mark.parametrize(
    ("connect", "given", "words"),
    [
        (bc, BASIC | {"password": ""}, "bc.password is not set. Set WINBC_BC__PASSWORD in the environment or in .env."),
        (
            bc,
            APPLICATION | {"client_secret": ""},
            "bc.client_secret is not set. Set WINBC_BC__CLIENT_SECRET in the env",
        ),
        (
            bc,
            APPLICATION | {"client_id": ""},
            "bc.client_id is not set. Set it in winbc.toml or as WINBC_BC__CLIENT_ID.",
        ),
        (bc, BASIC | {"base_url": ""}, "bc.base_url is not set"),
        (winstore, WINSTORE | {"password": ""}, "winstore.password is not set. Set WINBC_WINSTORE__PASSWORD"),
        (winstore, WINSTORE | {"user": ""}, "winstore.user is not set"),
        (winstore, WINSTORE | {"base_url": "http://shop.example/api"}, "Winstore's base_url must begin with https"),
        (bc, BASIC | {"base_url": "http://bc.example/api"}, "Business Central's base_url must begin with https"),
        (bc, APPLICATION | {"authority": "http://login.example/t"}, "bc.authority must begin with https"),
    ],
)
def test_a_setting_that_is_missing_or_unsafe_is_named_before_any_call(
    connect: Callable[..., Any], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect(**given)
    assert words in str(caught.value)


@respx.mock
def test_a_wrong_base_path_of_business_central_names_the_setting() -> None:
    respx.get(f"{BC['base_url']}/companies").mock(return_value=httpx.Response(404))
    with pytest.raises(ConfigurationError, match=r"status 404.*Correct `bc.base_url`"):
        bc(**BASIC).root  # noqa: B018 - asks for the company


@respx.mock
def test_a_wrong_base_path_of_winstore_names_the_setting() -> None:
    respx.get(url__startswith="https://shop.example/api/").mock(return_value=httpx.Response(404))
    with pytest.raises(UnreadableAnswer, match="answers 404 to GetArticleDataChangesByDate. Check `winstore.base_url`"):
        next(winstore(**WINSTORE).changed_since("articles", START))


@respx.mock
@pytest.mark.parametrize(
    "down", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.Response(503, text="maintenance")]
)
def test_an_authority_that_is_down_is_no_refusal_of_credentials(down: Exception | httpx.Response) -> None:
    authority = respx.get(url__startswith="https://login.example/")
    if isinstance(down, httpx.Response):
        authority.mock(return_value=down)
    else:
        authority.mock(side_effect=down)
    target = bc(**APPLICATION)
    with pytest.raises(SystemUnavailable, match="No token from the authority"):
        target.root  # noqa: B018 - asks for the company
    with pytest.raises(WinbcError, match="a moment ago"):  # the authority is left alone for a while
        target.root  # noqa: B018
    assert authority.call_count == 1
