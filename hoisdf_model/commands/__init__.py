"""Commands of ``hoisdf``, one module per group.

Each has ``register(app)``. On the same floor as ``cli``.
"""
