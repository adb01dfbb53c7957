"""Protocols over plain TCP: their connections run the same sessions as WebSockets."""
