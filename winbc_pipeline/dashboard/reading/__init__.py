"""What pages show, read from what runs publish: no flow's database is opened, and no run is kept waiting."""
