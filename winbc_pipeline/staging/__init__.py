"""The store: one DuckDB file per flow with its staging, mapped and planned tables and its ledger."""
