"""`nova follow`: reads the captions of a room, and writes or sends them elsewhere."""
