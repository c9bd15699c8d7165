"""Commands that set a connection up, and start and stop it."""
