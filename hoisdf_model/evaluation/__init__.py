"""Evaluation: metrics, protocols, baselines, and what is made of them: tables, files, pictures."""
