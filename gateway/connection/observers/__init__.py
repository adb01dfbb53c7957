"""Observers of a connection: metrics and traces, kept out of the code of the connection."""
