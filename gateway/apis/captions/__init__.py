"""The captions of a room for video players and simple readers: WebVTT, HLS and plain text."""
