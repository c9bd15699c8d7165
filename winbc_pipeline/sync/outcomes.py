"""Reason codes: why a record ended as it did, in words and with what to do. Explained in docs/errors.md."""

from ..systems.business_central import Result

REASONS: dict[str, str] = {
    "UNCHANGED": "The target has these values already.",
    "GONE": "The source no longer has this record in this form; nothing is to be sent.",
    "NO_SKU": "The article has nothing that can be sold: no SKU.",
    "VARIANT": "The article has variants; these are not sent yet.",
    "MAPPING": "A value breaks a rule of the mapping table; the message names field, rule and row.",
    "AMBIGUOUS": "Several records of the target match; merge them, or give one the right number.",
    "TARGET_TAKEN": "Another source record is linked to this target record; mend the key in one of the two.",
    "REFERENCE_MISSING": "The record that this one must point to is not there (see docs/errors.md).",
    "BOTH_CHANGED": "Source and target changed the same field; make them equal, or clear it in the target.",
    "TOO_LONG": "Business Central found a text too long.",
    "RELATION_MISSING": "A code is not in Business Central's table; add it there or mend the lookup table.",
    "BC_REFUSED": "Business Central refused the record; the ledger holds its words.",
    "STALE": "The record kept changing while it was being written; the next run tries again.",
    "NO_ANSWER": "The answer was lost; the next run looks the record up before it sends again.",
    "QUARANTINE": "A lost call may still arrive; the record waits before it is sent again.",
}

BY_CODE = {
    "Application_StringExceededLength": "TOO_LONG",
    "Internal_InvalidTableRelation": "RELATION_MISSING",
}
STALE_CODES = {"Request_EntityChanged", "Internal_EntityWithSameKeyExists"}


def refusal(result: Result) -> tuple[str, str]:
    """Reason code and Business Central's own words (for the ledger only: they may hold personal data)."""
    error = result.body.get("error", {}) if isinstance(result.body, dict) else {}
    words = f"{error.get('code', result.status)}: {error.get('message', '')}".split("  CorrelationId")[0]
    return BY_CODE.get(result.error_code, "BC_REFUSED"), words[:500]
