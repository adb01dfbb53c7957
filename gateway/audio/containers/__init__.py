"""Packets of live webm and Ogg containers."""
