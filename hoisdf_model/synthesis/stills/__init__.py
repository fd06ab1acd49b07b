"""Single pictures for training: staged, drawn, kept as data sets."""
