import os

# Of whoever runs the tests. A console that is made under it never looks again, so it goes before any import of ours.
os.environ.pop("COLUMNS", None)
