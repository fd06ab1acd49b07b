"""Node ``evaluation``: comparison of estimates with ground truth."""
