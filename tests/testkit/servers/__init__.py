"""Small real servers that stand in for remote services, with behaviour chosen by a test."""
