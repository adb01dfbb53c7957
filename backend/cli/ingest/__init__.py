"""`nova ingest`: reads a live stream from its URL and writes captions while it runs."""
