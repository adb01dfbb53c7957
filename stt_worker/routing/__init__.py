"""Several recognizers in one worker: which of them gets a job, and which of them work."""
