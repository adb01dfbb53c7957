"""Sends captions to YouTube, Zoom and OBS while people speak."""
