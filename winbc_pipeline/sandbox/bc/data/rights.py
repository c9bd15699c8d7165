"""What the user may not do in Business Central's own tables: rights that `POST /__seed` has taken away."""

from typing import Any

from .company import Company
from .refusal import Refused
from .schema import EntitySet

RIGHTS = {"GET": "read", "POST": "insert", "PATCH": "modify", "DELETE": "delete"}
KINDS = (*RIGHTS.values(), "execute")  # the last is of the actions that an app brings
TAKEN = "rights"  # notes of the rights that the user does not have, by entity set


def take_rights(company: Company, asked: Any) -> None:
    """Takes rights from the user: `{"customers": ["insert"]}`; an empty list gives them back.

    Raises: ValueError for an entity set or a right that does not exist.
    """
    if not isinstance(asked, dict) or not set(asked) <= set(company.schema):
        raise ValueError("rights has names of entity sets.")
    for name, taken in asked.items():
        if not isinstance(taken, list) or not set(taken) <= set(KINDS):
            raise ValueError(f"{name}: a right is one of {', '.join(KINDS)}.")
        company.hide(TAKEN, name, {"taken": taken} if taken else {})


def check_right(company: Company, entity: EntitySet, method: str) -> None:
    """Refuses a call for which the user has no right. Words and status: extensions/host.py, `check_right`."""
    right = RIGHTS.get(method, "read")
    if not has_right(company, entity.name, right):
        what = f"TableData {entity.entity_name} {right.capitalize()}: Base Application"
        message = f"Sorry, the current permissions prevented the action. ({what})"
        raise Refused(403, "Internal_ServerError", message)


def has_right(company: Company, stored_name: str, right: str) -> bool:
    """Whether nobody took a right in an entity set away."""
    return right not in company.hidden(TAKEN, stored_name).get("taken", ())
