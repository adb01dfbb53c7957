"""Audio rules that the gateway and the command line share: mixing channels, and media time."""
