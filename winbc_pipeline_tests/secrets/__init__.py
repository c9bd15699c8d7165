"""Where secrets come from, and who can read them."""
