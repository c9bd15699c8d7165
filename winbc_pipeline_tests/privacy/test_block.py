"""Who is erased here is blocked for privacy in Business Central.

Sources: API v2.0 has `privacyBlocked` of contacts and none of customers (schema_v2.json); the companion app has it
(facts/companion_app.json).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from winbc_pipeline.privacy.block import block
from winbc_pipeline.privacy.person import Person
from winbc_pipeline.sandbox.bc.app import Options, create_app
from winbc_pipeline.sandbox.bc.extensions.companion import companion_app
from winbc_pipeline.sandbox.bc.extensions.description import App
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.setup_data import COMPANY_NAME
from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.systems.business_central import BusinessCentral, Operation
from winbc_pipeline.systems.business_central.companion import app_client


@contextmanager
def bc(*apps: App) -> Iterator[Settings]:
    with running(create_app(None, Options(extensions=apps)), 0) as root:
        section = BusinessCentralSettings(
            base_url=f"{root}/BC/api/v2.0", company=COMPANY_NAME, user="winbc", password=SecretStr("sandbox-secret")
        )
        yield Settings(bc=section)


def made(settings: Settings, entity_set: str, name: str) -> dict[str, Any]:
    client = BusinessCentral(settings)
    try:
        (result,) = client.batch([Operation("0", "POST", entity_set, {"displayName": name})])
        return result.body
    finally:
        client.close()


def person_of(*records: dict[str, Any]) -> Person:
    return Person(bc={each["id"].lower() for each in records}, number={each["number"].lower() for each in records})


def test_customers_and_contacts_are_blocked_and_may_be_blocked_again() -> None:
    with bc(companion_app()) as settings:
        anna, contact, other = (made(settings, each, each) for each in ("customers", "contacts", "customers"))
        told = [list(block(settings, person_of(anna, contact))) for _ in range(2)]
        app, api = app_client(settings), BusinessCentral(settings)
        private = {row["id"]: row["privacyBlocked"] for row in app.get("customerSettings")}
        contacts = {row["id"]: row["privacyBlocked"] for row in api.get("contacts")}
        app.close()
        api.close()
    assert told == [["contacts blocked for privacy: 1", "customers blocked for privacy: 1"]] * 2
    assert (private[anna["id"]], private[other["id"]], contacts[contact["id"]]) == (True, False, True)


def test_without_the_companion_app_the_gap_is_named() -> None:
    with bc() as settings:
        anna = made(settings, "customers", "Anna")
        told = list(block(settings, person_of(anna)))
    assert told[1].startswith("no customers were blocked: that takes the companion app")


def test_a_business_central_that_refuses_is_named_and_holds_up_nothing() -> None:
    with bc(companion_app()) as settings:
        wrong = settings.bc.model_copy(update={"password": SecretStr("wrong")})
        told = list(block(settings.model_copy(update={"bc": wrong}), Person(number={"ws1"})))
    assert told[0] == "no contacts were blocked (E-AUTH). Set Privacy Blocked there by hand."
    assert told[1].startswith("no customers were blocked")
