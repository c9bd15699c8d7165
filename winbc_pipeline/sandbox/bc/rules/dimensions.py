"""Dimension lines, default dimensions and journal lines: none without what they belong to, none twice.

The words are those of the API's pages; the pages of default dimensions have words for a missing parent only.
"""

from ...records import Record
from ..data.company import Company
from ..data.refusal import dialog
from ..data.schema import ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import RULES, Rules, duplicate


class DimensionLines(Rules):
    """The dimensions of one document or line."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if is_zero(record["parentId"]):
            raise dialog("You must get to the parent first to create a dimension set line.")
        if is_zero(record["id"]) and not record["code"]:
            raise dialog('The "id" or "code" field must be filled in.')
        if is_zero(record["valueId"]) and not record["valueCode"]:
            raise dialog('The "valueId" or "valueCode" field must be filled in.')
        record |= _dimension(company, record)
        record |= _value(company, record)
        if any(line["id"] == record["id"] for line in company.all("dimensionSetLines", "parentId", record["parentId"])):
            message = "The dimension set line already exists. Check existing dimension set lines and the default "
            raise dialog(message + "dimension set lines on the parent.")

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if record["code"] != old["code"]:
            raise dialog('The "id" and "code" fields cannot be modified.')
        if "valueId" in sent or "valueCode" in sent:
            asked = {"valueId": sent.get("valueId", ZERO_GUID), "valueCode": sent.get("valueCode", "")}
            record |= _value(company, record | asked)


def _dimension(company: Company, line: Record) -> Record:
    by_id = company.get("dimensions", line["id"]) if not is_zero(line["id"]) else None
    by_code = company.find("dimensions", "code", line["code"]) if line["code"] else None
    if not is_zero(line["id"]) and not by_id:
        raise dialog('The "id" does not match to a Dimension.')
    if line["code"] and not by_code:
        raise dialog('The "code" does not match to a Dimension.')
    if by_id and by_code and by_id["id"] != by_code["id"]:
        raise dialog("The dimension field values do not match to a specific Dimension.")
    found = by_id or by_code or {}
    return {"id": found["id"], "code": found["code"], "displayName": found["displayName"]}


def _value(company: Company, line: Record) -> Record:
    values = company.all("dimensionValues", "dimensionId", line["id"])
    by_id = next((value for value in values if value["id"] == line["valueId"]), None)
    by_code = next((value for value in values if value["code"] == line["valueCode"]), None)
    if not is_zero(line["valueId"]) and not by_id:
        raise dialog('The "valueId" does not match to a Dimension Value.')
    if line["valueCode"] and not by_code:
        raise dialog('The "valueCode" does not match to a Dimension Value.')
    if by_id and by_code and by_id is not by_code:
        message = 'The values of the "dimensionCode" field and the "dimensionId" field do not refer to the same '
        raise dialog(message + "Dimension Value.")
    found = by_id or by_code
    if not found:
        raise dialog('The "valueId" or "valueCode" field must be filled in.')
    return {"valueId": found["id"], "valueCode": found["code"], "valueDisplayName": found["displayName"]}


class DefaultDimensions(Rules):
    """The dimensions that a customer, item, vendor or employee brings along."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if is_zero(record["parentId"]):
            raise dialog("You must get to the parent first to get to the default dimensions.")
        self._resolve(company, record)
        others = company.all("defaultDimensions", "parentId", record["parentId"])
        if any(other["dimensionId"] == record["dimensionId"] for other in others):
            raise duplicate(company.entity("defaultDimensions"), record["dimensionCode"])

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if {"dimensionId", "dimensionValueId"} & set(sent):
            self._resolve(company, record)

    def _resolve(self, company: Company, record: Record) -> None:
        dimension = company.get("dimensions", record["dimensionId"])
        if not dimension:
            raise dialog('The "dimensionId" does not match to a Dimension.')
        value = company.get("dimensionValues", record["dimensionValueId"])
        if not is_zero(record["dimensionValueId"]) and (not value or value["dimensionId"] != dimension["id"]):
            raise dialog('The "dimensionValueId" does not match to a Dimension Value.')
        record |= {"dimensionCode": dimension["code"], "dimensionValueCode": value["code"] if value else ""}


class JournalLines(Rules):
    """The lines of a journal, and payments in a customer payment journal."""

    def __init__(self, entity: str, journals: str) -> None:
        self.entity, self.journals = entity, journals

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if is_zero(record["journalId"]):
            raise dialog("You must specify a journal batch ID or a journal ID to get a journal line.")
        journal = company.get(self.journals, record["journalId"])
        if not journal:
            raise dialog(f"The General Journal Batch with ID {record['journalId']} cannot be found.")
        record["journalDisplayName"] = journal["code"]
        if not record["lineNumber"]:
            lines = company.all(self.entity, "journalId", record["journalId"])
            record["lineNumber"] = max((line["lineNumber"] for line in lines), default=0) + STEP


STEP = 10_000
RULES |= {
    "dimensionSetLines": DimensionLines(),
    "defaultDimensions": DefaultDimensions(),
    "journalLines": JournalLines("journalLines", "journals"),
    "customerPayments": JournalLines("customerPayments", "customerPaymentJournals"),
}
