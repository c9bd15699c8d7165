"""Backups of a connection, and what is sent to those who help: everything as files, nothing printed."""
