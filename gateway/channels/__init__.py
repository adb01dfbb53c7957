"""Connections whose audio has several channels: a native session for each, and one stream of events."""
