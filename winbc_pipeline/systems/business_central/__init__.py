"""Business Central: its client, its authentication and the facts about its fields."""

from .client import BusinessCentral, Operation, Result
from .facts import entity_fields

__all__ = ["BusinessCentral", "Operation", "Result", "entity_fields"]
