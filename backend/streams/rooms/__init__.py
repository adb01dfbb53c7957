"""Rooms in Redis: captions, the languages that are read, and links for readers."""
