"""Soniox's real-time API: a stream of tokens, with translation."""
