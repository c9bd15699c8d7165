"""What people ask of a flow: previews, impact, the trace of a record, retries, checks before the first run.

Here belongs: the answer as a value. Nothing here prints. The command line and other pages show the answer.
"""
