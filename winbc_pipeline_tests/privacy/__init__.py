"""A person in all that is kept."""
