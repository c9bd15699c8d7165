"""Is it late, what is wrong, and who is told? Every answer comes from what is stored; nothing here asks a system."""
