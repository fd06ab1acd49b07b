"""Trees of synthetic plays in the layouts of DexYCB and HO-3D, to try out what reads those."""
