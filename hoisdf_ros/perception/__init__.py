"""Node ``perception``: hands, objects and transforms from images."""
