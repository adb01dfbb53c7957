"""Audio input: decoding to 16 kHz mono, and speech detection."""
