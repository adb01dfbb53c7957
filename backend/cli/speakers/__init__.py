"""`nova speakers`: enrolled voices."""
