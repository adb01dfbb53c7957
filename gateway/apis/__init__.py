"""Protocols of other vendors. Each is a codec to native messages, and routes that run the same sessions."""
