"""The demonstration: a recording through the perception node, measured and drawn."""
