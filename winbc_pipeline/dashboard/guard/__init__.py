"""The guard: who may come in, from which page, and what each role may do."""
