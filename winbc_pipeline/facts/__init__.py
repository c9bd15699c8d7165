"""Facts about both systems, as data: read by the program and by the sandboxes alike."""
