"""Recordings and transcripts: read media files, transcribe them, and write text and subtitles."""
