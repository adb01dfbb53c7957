"""Decode any recording that FFmpeg can read to 16 kHz mono PCM, in the file's own time."""
