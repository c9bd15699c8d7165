"""The `winbc` command: parse, call, print."""
