"""The node ``perception``: images in; hands, objects and transforms out."""
