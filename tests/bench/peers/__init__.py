"""Nova Voice and other open systems on the same machine, with the same clips: `python -m tests.bench.peers`."""
