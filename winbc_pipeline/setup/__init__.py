"""What `winbc init` asks, tries and writes. cli/setup/ is the person's side of it: it prints and reads what is typed."""
