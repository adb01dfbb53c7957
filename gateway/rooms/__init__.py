"""Rooms: sessions that are published, and their readers."""
