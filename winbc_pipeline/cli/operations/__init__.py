"""Commands for running it all day."""
