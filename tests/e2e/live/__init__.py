"""Live sessions of clients that make mistakes, pause their audio, or send audio of a bad level, on a real system."""
