"""What `winbc init` asks, tries and writes. The person's side of it, what is printed and typed: cli/setup/."""
