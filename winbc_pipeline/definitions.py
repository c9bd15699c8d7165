"""The code location that workspace.yaml names."""

from .build import build_defs

defs = build_defs()
