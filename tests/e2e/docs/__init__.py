"""The commands and programs of the documentation, run literally by a new user."""
