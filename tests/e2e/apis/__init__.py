"""Unmodified clients of other vendors, pointed at a real gateway."""
