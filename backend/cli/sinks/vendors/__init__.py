"""The services that show captions: their requests, which are pure, and their connections."""
