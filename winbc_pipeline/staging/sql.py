"""How names and texts get into a statement of SQL."""


def quote(identifier: str) -> str:
    """An identifier in the quotes of SQL. Names get into a statement only through this function."""
    return '"' + identifier.replace('"', '""') + '"'


def with_key(statement: str, key: str) -> str:
    """A CREATE TABLE with a primary key, for servers. Files have none: DuckDB writes tables with keys slowly."""
    return f"{statement.rstrip().removesuffix(')')}, PRIMARY KEY ({key}))"


def literal(text: str) -> str:
    """A text as a literal of SQL, for the places of a statement that take no bound value."""
    return "'" + text.replace("'", "''") + "'"
