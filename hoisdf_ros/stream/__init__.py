"""Work on a stream of messages: subscriptions, pairing by stamp, back-pressure, diagnostics."""
