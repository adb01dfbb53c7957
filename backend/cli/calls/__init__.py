"""`nova simulate-call`: recordings as a telephone call, through one of the gateway's doors."""
