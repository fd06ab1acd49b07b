"""The node ``evaluation``: estimates and ground truth in; running figures and a report out."""
