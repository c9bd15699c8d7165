"""Winstore: its client and the profile that says how it is called."""

from .client import Winstore
from .profile import EntityProfile, Profile, load_profile

__all__ = ["EntityProfile", "Profile", "Winstore", "load_profile"]
