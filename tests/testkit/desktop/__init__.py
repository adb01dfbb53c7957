"""Chromium, an X server and Electron, driven by tests."""
