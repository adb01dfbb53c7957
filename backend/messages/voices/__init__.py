"""Messages about enrolled voices: options, events, and the profiles themselves. Pure."""
