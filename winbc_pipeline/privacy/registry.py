"""All tables and files that hold, or might hold, something of a person, as the modules that own them declare them."""

from ..flows import variants
from ..health import store as health
from ..staging import apart, compact, gather, gone, ledger_tables, load, pairs, problems, progress, row_versions, schema
from ..staging.people import erased
from ..staging.people.personal import PersonalFile, PersonalTable
from ..staging.server import address
from ..sync import map as mapped
from ..sync import plan_table, session, sync_states
from ..sync.documents.by_key import emptying
from ..sync.guards import safe_mode, source, writes
from ..sync.keeping import restored
from ..sync.records.target import index
from ..sync.stock import rules

OWNERS = (
    address,
    apart,
    compact,
    gather,
    gone,
    health,
    index,
    ledger_tables,
    load,
    mapped,
    pairs,
    plan_table,
    problems,
    progress,
    restored,
    row_versions,
    rules,
    safe_mode,
    schema,
    session,
    source,
    sync_states,
    variants,
    writes,
)
# Beside what the owners declare: a plan that is being made (sync/records/).
TABLES: tuple[PersonalTable, ...] = (
    *(table for owner in OWNERS for table in owner.PERSONAL),
    PersonalTable("draft*", "passing"),
)
# Paths below the folder of a connection. The first one that fits counts.
FILES: tuple[PersonalFile, ...] = (
    PersonalFile("kept/*", "copies"),
    PersonalFile("backups/*", "backups"),
    PersonalFile("dagster_home/*", "runs"),
    PersonalFile("published/*", "passing"),  # what runs publish for the dashboard
    PersonalFile("reports/*", "passing"),  # the last comparison of both systems
    PersonalFile("*.draft/*", "passing"),  # a plan that is being made
    PersonalFile("mapping_history/*", "nothing"),  # saved mapping tables
    PersonalFile("dashboard*", "nothing"),  # who may see the dashboard
    PersonalFile("restoring*", "passing"),
    PersonalFile("impact-*", "passing"),
    PersonalFile("spill/*", "passing"),
    PersonalFile("pages-*", "passing"),
    PersonalFile("moving", "nothing"),
    PersonalFile("reconcile_*.duckdb*", "passing"),
    PersonalFile("*.compact", "passing"),
    PersonalFile("*.converting*", "passing"),
    PersonalFile("*.duckdb", "database"),
    PersonalFile("*.duckdb.wal", "database"),
    PersonalFile("certificates/*", "nothing"),
    PersonalFile("audit.*", "nothing"),
    *erased.FILES,
    *emptying.FILES,
    PersonalFile("hash.key*", "nothing"),
    PersonalFile("erasing.json", "nothing"),  # only while an erasing goes on (erase.py)
    PersonalFile("seen.json", "nothing"),
    PersonalFile("*.paused", "nothing"),
    PersonalFile("polls/*", "nothing"),
    PersonalFile("pinged", "nothing"),
    PersonalFile("seen.half", "nothing"),
    PersonalFile("*.lock", "nothing"),
    PersonalFile("*.holder", "nothing"),
)
