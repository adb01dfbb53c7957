"""Asterisk AudioSocket: a codec, and a TCP server."""
