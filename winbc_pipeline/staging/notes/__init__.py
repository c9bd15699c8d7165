"""Small files of a connection, one a flow, which a sensor reads without opening a database."""
