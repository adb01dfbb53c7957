"""Recordings over HTTP with the messages of the native protocol."""
