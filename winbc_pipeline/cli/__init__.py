"""The `winbc` command: it parses the arguments, calls the rest of the program, and prints the answer."""
