"""Tests of the log of acts."""
