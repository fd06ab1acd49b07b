"""Evaluations of labelled frames and bags: methods in, records out."""
