"""Errors of hands, objects and distance fields, as numbers per frame."""
