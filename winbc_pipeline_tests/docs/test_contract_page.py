"""The page of Winstore's contract names what the shipped profile asks for, and marks what nobody has published."""

import re

import pytest

from winbc_pipeline.systems.winstore import load_profile
from winbc_pipeline.systems.winstore.profile import CallProfile

from ..support.sandboxes import REPOSITORY

PAGE = (REPOSITORY / "docs" / "winstore-contract.md").read_text(encoding="utf-8")
PROFILE = load_profile(None)
ADDED = {"variant_count", "line_count", "address_count"}  # columns that no answer has


def row_of(call: str) -> str:
    """The row of the page's table of calls."""
    return next((line for line in PAGE.splitlines() if re.match(rf"\| `.*\b{call}\b.*` \|", line)), "")


@pytest.mark.parametrize("profile", PROFILE.calls, ids=lambda profile: profile.call)
def test_each_call_is_there_as_known_as_the_profile_says(profile: CallProfile) -> None:
    known = row_of(profile.call).rpartition(" | ")[2]
    assert known.startswith("assumed") == (profile.known == "assumed")
    assert ("verified" in known) == (profile.known == "verified")


@pytest.mark.parametrize("entity", PROFILE.reads)
def test_each_field_that_is_read_is_there(entity: str) -> None:
    words = set(re.findall(r"\w+", PAGE))
    groups = r"^(invoice_add|delivery_add|invoice|delivery)_"
    fields = {re.sub(groups, "", field) for field in PROFILE.reads[entity].fields} - ADDED
    assert fields <= words


@pytest.mark.parametrize(
    "parameter", ["limit", "after", *(name for each in PROFILE.finds.values() for name in each.by.values())]
)
def test_each_parameter_of_chunks_and_look_ups_is_there(parameter: str) -> None:
    assert f"`{parameter}`" in PAGE


def test_the_page_is_of_the_version_of_the_shipped_profile() -> None:
    assert PAGE.startswith(f"# Winstore contract, version {PROFILE.contract}\n")
