"""Rules of dimension set lines, default dimensions and journal lines: each needs a parent, and none may exist twice.

The messages are those of the API's pages and tables in AL. What default dimensions give to documents:
document_dimensions.py.
"""

from ...records import Record
from ..data.company import Company
from ..data.refusal import already_exists, dialog_error, validation_error
from ..data.schema import ZERO_GUID
from ..data.values import is_zero
from ..odata.writing import RULES, Rules

DIMENSION_PARENTS = {"Customer": "customers", "Item": "items", "Vendor": "vendors", "Employee": "employees"}


class DimensionLines(Rules):
    """The dimensions of one document or of one line."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if is_zero(record["parentId"]):
            raise dialog_error("You must get to the parent first to create a dimension set line.")
        if is_zero(record["id"]) and not record["code"]:
            raise dialog_error('The "id" or "code" field must be filled in.')
        if is_zero(record["valueId"]) and not record["valueCode"]:
            raise dialog_error('The "valueId" or "valueCode" field must be filled in.')
        record |= _find_dimension(company, record)
        record |= _find_value(company, record)
        check_not_blocked(company, record["id"], record["valueId"])
        lines = company.all("dimensionSetLines", "parentId", record["parentId"])
        if any(line["id"] == record["id"] for line in lines):
            message = "The dimension set line already exists. Check existing dimension set lines and the default "
            raise dialog_error(message + "dimension set lines on the parent.")

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if record["code"] != old["code"]:
            raise dialog_error('The "id" and "code" fields cannot be modified.')
        if "valueId" in sent or "valueCode" in sent:
            asked = {"valueId": sent.get("valueId", ZERO_GUID), "valueCode": sent.get("valueCode", "")}
            record |= _find_value(company, record | asked)
            check_not_blocked(company, record["id"], record["valueId"])


def _find_dimension(company: Company, line: Record) -> Record:
    by_id = company.get("dimensions", line["id"]) if not is_zero(line["id"]) else None
    by_code = company.find("dimensions", "code", line["code"]) if line["code"] else None
    if not is_zero(line["id"]) and not by_id:
        raise dialog_error('The "id" does not match to a Dimension.')
    if line["code"] and not by_code:
        raise dialog_error('The "code" does not match to a Dimension.')
    if by_id and by_code and by_id["id"] != by_code["id"]:
        raise dialog_error("The dimension field values do not match to a specific Dimension.")
    found = by_id or by_code or {}
    return {"id": found["id"], "code": found["code"], "displayName": found["displayName"]}


def _find_value(company: Company, line: Record) -> Record:
    values = company.all("dimensionValues", "dimensionId", line["id"])
    by_id = next((value for value in values if value["id"] == line["valueId"]), None)
    by_code = next((value for value in values if value["code"] == line["valueCode"]), None)
    if not is_zero(line["valueId"]) and not by_id:
        raise dialog_error('The "valueId" does not match to a Dimension Value.')
    if line["valueCode"] and not by_code:
        raise dialog_error('The "valueCode" does not match to a Dimension Value.')
    if by_id and by_code and by_id is not by_code:
        message = 'The values of the "dimensionCode" field and the "dimensionId" field do not refer to the same '
        raise dialog_error(message + "Dimension Value.")
    found = by_id or by_code
    if not found:
        raise dialog_error('The "valueId" or "valueCode" field must be filled in.')
    return {"valueId": found["id"], "valueCode": found["code"], "valueDisplayName": found["displayName"]}


class DefaultDimensions(Rules):
    """The dimensions that a customer, item, vendor or employee gives to its documents (AL: table 352)."""

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if is_zero(record["parentId"]):
            raise dialog_error("You must get to the parent first to get to the default dimensions.")
        record["parentType"] = self._parent_type(company, record)
        self._resolve(company, record)
        others = company.all("defaultDimensions", "parentId", record["parentId"])
        if any(other["dimensionId"] == record["dimensionId"] for other in others):
            raise already_exists("Default Dimension", {"Dimension Code": record["dimensionCode"]})

    def before_modify(self, company: Company, record: Record, old: Record, sent: Record) -> None:
        if any(record[name] != old[name] for name in ("parentId", "parentType", "dimensionId")):
            raise dialog_error("You can't rename a Default Dimension.")
        self._resolve(company, record)

    def _parent_type(self, company: Company, record: Record) -> str:
        kind, parent = record["parentType"], record["parentId"]
        if kind in DIMENSION_PARENTS:
            if not company.get(DIMENSION_PARENTS[kind], parent):
                raise dialog_error("Parent is not found.")
            return str(kind)
        found = [kind for kind, name in DIMENSION_PARENTS.items() if company.get(name, parent)]
        if not found:
            raise dialog_error('The "parenteId" does not match to any entity.')  # BC's own spelling
        return found[0]

    def _resolve(self, company: Company, record: Record) -> None:
        dimension = _named(company, record, "dimensionId", "dimensions", "Dimension")
        value = _named(company, record, "dimensionValueId", "dimensionValues", "Dimension Value")
        if value and not dimension:  # a value alone names its dimension too
            dimension = company.get("dimensions", value["dimensionId"]) or {}
        if not dimension:
            raise validation_error("Dimension Code must be filled in. Enter a value.")
        if value and value["dimensionId"] != dimension["id"]:
            raise dialog_error('The "dimensionId" and "dimensionValueId" match to different Dimension records.')
        record |= {"dimensionId": dimension["id"], "dimensionCode": dimension["code"]}
        record["dimensionValueCode"] = value.get("code", "")
        if value and record["postingValidation"] == "No_x0020_Code":
            place = f"Default Dimension: Dimension Code={dimension['code']}"
            message = f"Dimension Value Code must be equal to ''  in {place}. Current value is '{value['code']}'."
            raise validation_error(message)
        check_not_blocked(company, record["dimensionId"], record["dimensionValueId"])


def check_not_blocked(company: Company, dimension_id: str, value_id: str) -> None:
    """Refuses a blocked dimension and a blocked value (AL: DimensionManagement, CheckDim and CheckDimValue)."""
    dimension = company.get("dimensions", dimension_id) or {}
    if company.hidden("dimensions", dimension_id).get("blocked"):
        raise dialog_error(f"Dimension {dimension['code']} is blocked.")
    if company.hidden("dimensionValues", value_id).get("blocked"):
        value = company.get("dimensionValues", value_id) or {}
        raise dialog_error(f"Dimension Value {dimension['code']} - {value['code']} is blocked.")


def _named(company: Company, record: Record, field: str, entity: str, caption: str) -> Record:
    """The record with the id in a field. It is empty if the field is."""
    if is_zero(record[field]):
        return {}
    found = company.get(entity, record[field])
    if not found:
        raise dialog_error(f'The "{field}" does not match to a {caption}.')
    return found


class JournalLines(Rules):
    """The lines of a journal, and the payments of a customer payment journal."""

    def __init__(self, entity: str, journals: str) -> None:
        self.entity, self.journals = entity, journals

    def before_insert(self, company: Company, record: Record, sent: Record) -> None:
        if is_zero(record["journalId"]):
            raise dialog_error("You must specify a journal batch ID or a journal ID to get a journal line.")
        journal = company.get(self.journals, record["journalId"])
        if not journal:
            raise dialog_error(f"The General Journal Batch with ID {record['journalId']} cannot be found.")
        record["journalDisplayName"] = journal["code"]
        if not record["lineNumber"]:
            lines = company.all(self.entity, "journalId", record["journalId"])
            record["lineNumber"] = max((line["lineNumber"] for line in lines), default=0) + LINE_NUMBER_STEP


LINE_NUMBER_STEP = 10_000  # as in AL; it leaves room for lines in between
RULES |= {
    "dimensionSetLines": DimensionLines(),
    "defaultDimensions": DefaultDimensions(),
    "journalLines": JournalLines("journalLines", "journals"),
    "customerPayments": JournalLines("customerPayments", "customerPaymentJournals"),
}
