"""Lines of a room as readers see them. Pure."""
