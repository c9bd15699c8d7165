"""Keeps Winstore and Business Central in step."""
