"""What readers of a room see. Pure."""
