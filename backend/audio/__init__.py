"""What files and live streams share: mixing channels to mono, and media time. Pure."""
