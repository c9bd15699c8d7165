"""A person in all that a connection keeps: found, exported, erased. What is kept of whom: docs/privacy.md.

Each module declares its own tables and files (staging/people/personal.py); registry.py collects them.
"""
