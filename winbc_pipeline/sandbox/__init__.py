"""Practice copies of both systems that run on loopback and hold the truth for tests and demos.

Here belongs: everything the sandboxes need. Imports nothing of the rest of the program, and only the command line and
the tests start it. What is the same as in the real systems, and what is simplified: docs/sandbox.md.
"""
