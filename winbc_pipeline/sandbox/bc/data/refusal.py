"""Answers that are errors: code, HTTP status and BC's own words (behaviour.md section 11)."""

import uuid
from typing import Any


class Refused(Exception):
    """A call that BC answers with an error body; nothing of the call is kept."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message

    def body(self) -> dict[str, Any]:
        suffix = "" if self.code.startswith("BadRequest_NotFound") else f"  CorrelationId:  {uuid.uuid4()}."
        return {"error": {"code": self.code, "message": self.message + suffix}}


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


def dialog(message: str) -> Refused:
    """What AL's Error() becomes: most business rules."""
    return Refused(400, "Application_DialogException", message)


def validation(message: str) -> Refused:
    """What AL's TestField becomes."""
    return Refused(400, "Application_FieldValidationException", message)


def not_found(entity_name: str) -> Refused:
    return Refused(404, "Internal_RecordNotFound", f"The {entity_name} does not exist.")


def not_allowed(method: str, entity_set: str) -> Refused:
    message = (
        f"'{method}' requests for '{entity_set}' of EdmType 'Collection' are not allowed "
        "within Dynamics 365 Business Central OData web services."
    )
    return Refused(405, "BadRequest_MethodNotAllowed", message)


def unknown_segment(segment: str) -> Refused:
    return Refused(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{segment}'.")
