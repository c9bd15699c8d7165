"""Error answers: HTTP status, error code and BC's own message (behaviour.md section 11)."""

import uuid
from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """BC refuses the call and answers with an error body. Nothing that the call wrote is kept."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message

    def body(self) -> dict[str, Any]:
        """The error body of the answer. BC adds a correlation id to most messages."""
        suffix = "" if self.code.startswith("BadRequest_NotFound") else f"  CorrelationId:  {uuid.uuid4()}."
        return {"error": {"code": self.code, "message": self.message + suffix}}


def bad_request(message: str) -> Refused:
    """BC cannot read the request: the request itself is wrong."""
    return Refused(400, "BadRequest", message)


def dialog_error(message: str) -> Refused:
    """The answer to AL's Error(), which most business rules raise."""
    return Refused(400, "Application_DialogException", message)


def validation_error(message: str) -> Refused:
    """The answer to AL's TestField(), which checks the value of one field."""
    return Refused(400, "Application_FieldValidationException", message)


def must_have_value(caption: str, place: str) -> Refused:
    """The answer to AL's TestField() on an empty field. `place` is the record in AL's words."""
    return validation_error(f"{caption} must have a value in {place}. It cannot be zero or empty.")


def already_exists(table: str, key: Mapping[str, str]) -> Refused:
    """Another record of a table has this primary key (dynamics-error-codes.md). `key` has captions and values."""
    shown = ",".join(f"{name}='{value}'" for name, value in key.items())
    message = f"The {table} already exists. Identification fields and values: {shown}"
    return Refused(400, "Internal_EntityWithSameKeyExists", message)


def not_found(entity_name: str) -> Refused:
    """No record has the id in the path."""
    return Refused(404, "Internal_RecordNotFound", f"The {entity_name} does not exist.")


def no_route(url: str) -> Refused:
    """No API answers at this address: there is no such API, or no installed app has brought the entity set."""
    return Refused(404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{url}'.")


def not_allowed(method: str, entity_set: str) -> Refused:
    """The entity set does not take this HTTP method."""
    message = (
        f"'{method}' requests for '{entity_set}' of EdmType 'Collection' are not allowed "
        "within Dynamics 365 Business Central OData web services."
    )
    return Refused(405, "BadRequest_MethodNotAllowed", message)


def unknown_segment(segment: str) -> Refused:
    """A segment of the path names nothing that the API has."""
    return Refused(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'.")
