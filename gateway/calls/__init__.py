"""Telephone calls: the tracks of their audio, and their events, which go to a webhook."""
