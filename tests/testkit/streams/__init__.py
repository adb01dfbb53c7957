"""Streams without a server, time without waiting, and sample jobs."""
