"""Reads a source: what changed since a moment, in chunks that are staged; or only whether anything changed."""
