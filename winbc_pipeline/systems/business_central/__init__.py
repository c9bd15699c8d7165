"""Business Central: its client, its authentication and the facts about its fields."""

from .batch import Operation, Result
from .client import BusinessCentral
from .facts import entity_fields

__all__ = ["BusinessCentral", "Operation", "Result", "entity_fields"]
