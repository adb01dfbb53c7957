"""The session core: pure state machines that decide what a session does. No I/O; the time is an argument."""
