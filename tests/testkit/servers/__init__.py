"""Small real servers in place of remote services. Tests choose their behaviour."""
