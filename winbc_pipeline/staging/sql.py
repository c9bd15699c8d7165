"""How names and texts get into a statement of SQL."""


def quote(identifier: str) -> str:
    """An identifier in the quotes of SQL. Names get into a statement only through this function."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a literal of SQL, for the places of a statement that take no bound value."""
    return "'" + text.replace("'", "''") + "'"
