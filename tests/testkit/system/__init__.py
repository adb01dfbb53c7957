"""Processes under test: the `nova` command, Redis servers, workers and whole systems."""
