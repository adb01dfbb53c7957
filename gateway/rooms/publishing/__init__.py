"""The side of the speaker: a session becomes captions of its room."""
