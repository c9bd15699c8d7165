"""One call of many operations (`$batch`): what goes into it, and what its answer says of each operation.

Here belongs: the form of a batch. Making the call: client.py. Source of the rules: behaviour.md sections 8 and 10.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from ...errors import UnreadableAnswer
from ..transport import Answer

TOO_LARGE = 413  # behaviour.md section 10: a body of more than 350 MB
NOT_KNOWN, NOT_RUN = 0, -1  # statuses of a Result without an answer


@dataclass(frozen=True)
class Operation:
    """One operation of a batch.

    Attributes:
        path: relative to the company.
        body: fields, or JSON text.
        etag: the version of the record from which the operation was planned.
        request_id: the id under which Business Central's telemetry shows the operation.
    """

    id: str
    method: str
    path: str
    body: dict[str, Any] | str | None = None
    etag: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Result:
    """The result of an operation: its HTTP status and body.

    Status 0 (NOT_KNOWN): there is no answer, and the operation may have been carried out. Status -1 (NOT_RUN): it was
    certainly not carried out.
    """

    id: str
    status: int
    body: dict[str, Any]

    @property
    def error_code(self) -> str:
        return str(self.error.get("code", ""))

    @property
    def error(self) -> dict[str, Any]:
        """`code` and `message` of a refusal; empty when there is none, or when it is not in OData's form."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error if isinstance(error, dict) else {}

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of a collection. Raises UnreadableAnswer when it is not answered, so none count as absent."""
        found = self.body.get("value") if isinstance(self.body, dict) else None
        if self.status != 200 or not isinstance(found, list):
            raise UnreadableAnswer(f"A lookup inside a batch was answered {self.status} without records.")
        return found


def request_of(operation: Operation, root: str) -> dict[str, Any]:
    """An operation as a batch takes it.

    Args:
        root: `companies({id})`.
    """
    headers = {"Content-Type": "application/json"}
    if operation.method == "GET":  # from the primary database, as in BusinessCentral.get
        headers["Data-Access-Intent"] = "ReadWrite"
    if operation.request_id:
        headers["client-request-id"] = operation.request_id
    if operation.etag:
        headers["If-Match"] = operation.etag
    request = {"id": operation.id, "method": operation.method, "url": f"{root}/{operation.path}", "headers": headers}
    if operation.body is None:
        return request
    return request | {"body": orjson.Fragment(operation.body) if isinstance(operation.body, str) else operation.body}


def headers_of(reads: bool, isolated: bool) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    headers |= {"Isolation": "snapshot"} if isolated else {"Prefer": "odata.continue-on-error"}
    return headers | ({"Data-Access-Intent": "ReadWrite"} if reads else {})


def refusal_of(answer: Answer) -> dict[str, Any]:
    """The body of a refusal in OData's form, whatever the answer is."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return body
    return {"error": {"code": "BadRequest", "message": "The call was refused."}}


def too_large(content: bytes) -> dict[str, Any]:
    return {"error": {"code": "RequestTooLarge", "message": f"A call of {len(content):,} bytes is too large."}}


def matched(operations: list[Operation], answer: Answer, isolated: bool) -> list[Result]:
    """The results of a batch, found by the ids of its operations.

    It is not known what became of an operation without an answer, unless the whole batch was refused, or a failure has
    undone it. When a batch of one operation is refused as a whole, this is the refusal of its operation.
    """
    if answer.status == 400 and len(operations) == 1:
        return [Result(operations[0].id, 400, refusal_of(answer))]
    responses = _responses(answer)
    undone = isolated and any(response["status"] >= 400 for response in responses.values())
    missing = NOT_RUN if answer.status in (400, 429) or undone else NOT_KNOWN
    results = []
    for operation in operations:
        response = responses.get(operation.id, {})
        body = response.get("body")
        results.append(Result(operation.id, response.get("status", missing), body if isinstance(body, dict) else {}))
    return results


def _responses(answer: Answer) -> dict[str, dict[str, Any]]:
    """The answers inside the answer to a batch, by the ids of their operations; none when it is not whole."""
    try:
        content = json.loads(answer.content, parse_float=Decimal)
        return {str(each["id"]): each for each in content["responses"] if isinstance(each["status"], int)}
    except (ValueError, KeyError, TypeError):
        return {}
