"""Tests of winbc_pipeline/setup and cli/setup."""
