"""Recorded and synthetic speech, and media files."""
