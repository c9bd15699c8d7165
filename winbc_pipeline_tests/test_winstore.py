"""Winstore's answers in both formats, and the quirks of its calls."""

from datetime import UTC, datetime

import httpx
import pytest

from winbc_pipeline.errors import UnreadableAnswer
from winbc_pipeline.settings import Settings
from winbc_pipeline.systems.transport import Answer
from winbc_pipeline.systems.winstore import Winstore, load_profile
from winbc_pipeline.systems.winstore.client import records_of

from .conftest import World

SINCE = datetime(2024, 1, 1, tzinfo=UTC)


def rows(settings: Settings, entity: str, accept: str) -> list[dict[str, object]]:
    source = Winstore(settings)
    profile = source.profile.entity(entity).model_copy(update={"accept": accept, "records_per_page": 2})
    source.profile = source.profile.model_copy(update={entity: profile})
    try:
        found = [row for page in source.changed_since(entity, SINCE) for row in page]
    finally:
        source.close()
    return [{name: value or None for name, value in row.items()} for row in found]


@pytest.mark.parametrize("entity", ["articles", "customers"])
def test_xml_and_json_give_the_same_rows(world: World, entity: str) -> None:
    world.fill(
        customers=[{"customer_id": f"00{n}", "email": f"{n}@mail.example"} for n in range(5)],
        articles=[{"sku": f"00{n}", "article_key": "1", "size": str(n)} for n in range(3)] + [{"article_key": "2"}],
    )
    from_json = rows(world.settings, entity, "application/json")
    assert len(from_json) == (5 if entity == "customers" else 4)
    assert rows(world.settings, entity, "application/xml") == from_json


@pytest.mark.parametrize("join", ["?", "&"])
def test_the_sandbox_takes_parameters_joined_either_way(world: World, join: str) -> None:
    world.fill(customers=[{"customer_id": str(n), "email": f"{n}@mail.example"} for n in range(3)])
    query = join.join(["date=2024-01-01T00:00:00%2B00:00", "page=2", "pagesize=2"])
    url = f"{world.addresses.winstore_base}/GetCustomerChangesByDate?{query}"
    answer = httpx.get(url, auth=("winstore", "sandbox-secret"), headers={"Accept": "application/json"})
    assert [row["customerid"] for row in answer.json()["customers"]["customer"]] == ["2"]


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY x "boom">]><customers>&x;</customers>',
        b"<customers><customer><customerid>1</customerid>",
        b"<html><body>Please sign in</body></html>",
        b"",
    ],
)
def test_what_is_no_safe_whole_answer_is_refused(content: bytes) -> None:
    profile = load_profile(None).customers
    answer = Answer(200, httpx.Headers({"content-type": "application/xml"}), content, "id")
    with pytest.raises(UnreadableAnswer):
        records_of(answer, profile)
