"""Reduces the noise in the audio of a job, for its recognition only."""
