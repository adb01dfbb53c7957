"""Clients that break the protocol, read slowly or connect in large numbers."""
