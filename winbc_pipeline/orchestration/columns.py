"""The columns of the four layers, described for people, and which staged columns a mapped field is made of.

Here belongs: what a column means. What a window holds: layers.py. Concept page: Column-level lineage.
"""

from collections.abc import Mapping
from typing import Any

from dagster import AssetKey, MarkdownMetadataValue, TableColumn, TableColumnDep, TableColumnLineage, TableSchema

from ..mapping.compiler import Compiled, CompiledLine
from ..staging.load import OWN, TYPES, StagingTable
from ..sync.connected import ConnectedFlow
from ..sync.flow import Flow
from ..sync.map import MAPPED
from ..systems.business_central import entity_fields
from ..systems.facts import FieldFacts
from .systems import NAMES

LINE = "line_"  # begins the names of a line's fields in what is read of Business Central
TEXTS = {
    "_bad_fields": "Fields whose text is not of their type, such as a date that is none. They are empty here.",
    "_key": "Key of the record in its source.",
    "_modified_at": "When the source last changed the record.",
    "_namesakes": "Whether another record of the source has the same number.",
    "_version": "Tells one version of the record from the next.",
    "_window": "Day (UTC) of the last modification; decides the window.",
    "action": "What is done: create, update, skip, or why a person is needed.",
    "amount": "Total of the document, in its currency.",
    "attempt_id": "The last attempt to send the record.",
    "attempt_no": "How often it was sent since the target last answered.",
    "body": "What would be sent, as JSON.",
    "changes": "Field by field: old and new value, as JSON.",
    "creates": "Fields of a new record, as JSON.",
    "currency": "Currency of the amount.",
    "customer_key": "The customer's record, for a document.",
    "difference": "How far the document's total is from the source's.",
    "errors": "Fields that break a rule: field, rule, value, row of the table.",
    "etag": "Version of the target's record that was compared. It is changed only if it is still this one.",
    "fallback": "The default customer, for when Business Central refuses the document's own.",
    "field_hashes": "A hash per field of what was sent last; tells who changed a field.",
    "hash": "Hash of the mapped fields; an equal one is not sent again.",
    "intent_at": "Just before it was sent; for a lost call the last moment it may have arrived.",
    "key": "Key of the record in the source.",
    "looked_at": "When a search after a lost call first did not find it.",
    "lookups": "What was looked up in the target, and what was found, as JSON.",
    "mapping_version": "Version of the mapping tables that made it.",
    "message": "Why, in words. May quote a person's data.",
    "moved_at": "When the record came into this state.",
    "part": "Kind of the target's record; a source record may need several.",
    "pair": "What the record's pair becomes when the plan is carried out, as JSON: hashes, no values.",
    "planned_at": "When it was planned.",
    "reason": "Reason code: docs/errors.md says cause and fix.",
    "reference": "By which a document is found again in the target.",
    "run_id": "The run that moved it here.",
    "server_at": "The target's clock when it was sent.",
    "skip_reason": "Why the record is not sent, as a reason code.",
    "state": "What became of it: CONFIRMED, FAILED, SKIPPED, UNKNOWN, CONFLICT …",
    "target_id": "Id of the record in the target.",
    "target_no": "Number of the record in the target.",
    "target_set": "Entity set of the record in the target.",
    "tolerance": "How far the document's total may be from the source's.",
    "updates": "Fields that only an existing record gets, as JSON.",
    "version": "Version of the source record.",
    "window": "Day (UTC) of the last modification; decides the window.",
}


def column_schema(columns: Mapping[str, str]) -> TableSchema:
    """The columns of a table that winbc fills, by name and DuckDB type, each with its description."""
    return TableSchema([TableColumn(name, kind, description=TEXTS[name]) for name, kind in columns.items()])


def readable(schema: TableSchema) -> MarkdownMetadataValue:
    """The columns of a layer as its page in Dagster opens them.

    A schema would be the greater part of what Dagster's servers load of a connection, and keep.
    """
    rows = (f"| `{column.name}` | {column.type} | {column.description} |" for column in schema.columns)
    return MarkdownMetadataValue("\n".join(["| column | type | what it is |", "|---|---|---|", *rows]))


def staged_schema(connected: ConnectedFlow) -> TableSchema:
    """The columns of a flow's staging table: winbc's own, and the fields of the source."""
    columns, staging, loaded = list(column_schema(OWN).columns), connected.staging, connected.loaded
    for name, kind in staging.fields.items():
        text = _field_text(connected.flow, staging, name in loaded.fields, name)
        columns.append(TableColumn(name, TYPES[kind], description=text))
    return TableSchema(columns)


def mapped_metadata(staging: AssetKey, compiled: Mapping[str, Compiled]) -> dict[str, Any]:
    """The fields of the target as columns of the mapped layer, and the staged columns that each is made of.

    Some versions of Dagster's UI draw no column lineage. The columns' descriptions therefore say the same in words.

    Args:
        staging: key of the staging asset.
        compiled: the mapping tables, by part. A field becomes the column `part.field`.
    """
    deps = {}
    columns = list(column_schema(MAPPED).columns)
    for part, table in compiled.items():
        for each in table.targets:
            name, reads = f"{part}.{each.line.target_field}", sorted(each.formula.value.reads)
            deps[name] = [TableColumnDep(staging, field) for field in sorted(table.depends[each.line.target_field])]
            columns.append(TableColumn(name, "payload", description=_target_text(each, reads)))
    return {"dagster/column_schema": TableSchema(columns), "dagster/column_lineage": TableColumnLineage(deps)}


def _target_text(each: CompiledLine, reads: list[str]) -> str:
    """What a field is made of, what the target takes there, and its row's owner and note in the mapping table."""
    made_of = f"From {', '.join(reads) or 'a constant'}"
    takes = _facts_text(each.facts)
    owner = each.line.owner and f"Owner: {each.line.owner}"
    return ". ".join(filter(None, (made_of, takes[0].upper() + takes[1:], owner, each.line.note)))


def _field_text(flow: Flow, staging: StagingTable, is_loaded: bool, name: str) -> str:
    """What a staged field is: where it comes from, and what it is used for.

    Args:
        is_loaded: whether the source gives it.
    """
    system = NAMES[flow.source]
    if name in flow.derived or not is_loaded:
        text = f"Worked out from what {system} sent"
    elif flow.reading:
        entity, field = (flow.lines, name.removeprefix(LINE)) if name.startswith(LINE) else (flow.entity, name)
        text = f"{entity}.{field} in {system}: {_facts_text(entity_fields(entity)[field])}"
    else:
        text = f"{flow.entity}.{name} in {system}"
    uses = {"key of the record": name in staging.key, "decides the window": name == staging.modified}
    return ", ".join([text, *(use for use, applies in uses.items() if applies)])


def _facts_text(facts: FieldFacts) -> str:
    """What a system takes in a field, in words."""
    words: list[str] = [facts.kind]
    if facts.max_length:
        words.append(f"at most {facts.max_length} characters")
    if facts.upper_cased:
        words.append("in capitals")
    if facts.options:
        words.append(f"one of {', '.join(option or '(empty)' for option in facts.options)}")
    if facts.reference:
        words.append(f"a code of {facts.reference}")
    return ", ".join(words)
