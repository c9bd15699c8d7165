"""Items of Business Central as records that go to Winstore: what API v2.0 tells, and what the companion app tells."""

from .of_app import KINDS as OF_APP
from .of_app import gaps
from .of_bc import DERIVED, READING

__all__ = ["DERIVED", "OF_APP", "READING", "gaps"]
