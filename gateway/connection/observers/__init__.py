"""Observers of a connection: metrics and traces, which the connection itself does not know."""
