"""Nova Voice on one machine: find or start a server, run its processes, and prepare its models."""
