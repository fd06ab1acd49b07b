"""Commands of ``hoisdf``, one module per group; each has ``register(app)``. On the same floor as ``cli``."""
