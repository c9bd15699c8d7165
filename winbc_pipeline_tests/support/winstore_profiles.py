"""Profiles of Winstore that are not shipped."""

from pathlib import Path

VERSION_1 = Path(__file__).with_name("winstore_profile_1.toml")
"""The profile as it was shipped with version 1 of the contract. Users may have copies of it."""
