"""The nodes ``camera`` and ``replay``: images of cameras, files and recordings."""
