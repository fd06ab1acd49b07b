"""Sequences on a table: planned, filmed, recorded as bags."""
