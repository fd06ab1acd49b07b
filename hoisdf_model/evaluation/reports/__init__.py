"""Summaries, comparisons, tables, curves, pictures and reports of records."""
