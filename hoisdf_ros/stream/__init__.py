"""Message streams: subscriptions, synchronization by stamp, back-pressure, diagnostics."""
