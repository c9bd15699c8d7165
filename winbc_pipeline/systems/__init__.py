"""Whom we talk to: one package per system, and the one HTTP door that both go through."""
