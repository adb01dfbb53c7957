"""Terminal input and output that the commands share: live captions, the microphone, and tables."""
