"""Describes the voices in the audio of a final, so that the gateway can label its speakers."""
