"""Practice copies of Business Central and Winstore that run on loopback, for tests and demos.

Here belongs: everything that the sandboxes need. They import nothing of the rest of the program. Only the command
line, the tests and the benchmarks start them. What is simplified against the real systems: docs/sandbox.md.
"""
