"""State in PostgreSQL: DuckDB works on tables of a server, in the place of a file of its own."""
