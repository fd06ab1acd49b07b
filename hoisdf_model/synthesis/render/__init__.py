"""Pictures of hands and objects: renderer, skin, scenery, light, camera."""
