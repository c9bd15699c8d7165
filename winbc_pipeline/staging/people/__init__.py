"""What a connection keeps of people: the key behind its hashes, which table holds what, who was erased, and encryption."""
