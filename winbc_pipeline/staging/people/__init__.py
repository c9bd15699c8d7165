"""What a connection keeps of people: which table holds what, who was erased, the key behind hashes, and encryption."""
