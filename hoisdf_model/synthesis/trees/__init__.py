"""Synthetic trees in DexYCB's and HO-3D's layouts, for tests."""
