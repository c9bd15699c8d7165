"""The shipped mapping tables and sample configuration, as they come with the program."""
