"""Subtitles: divides timed words into cues that viewers have time to read, and renders them. Pure."""
