"""How long what a connection stores is kept. docs/operations.md lists it for people."""
