"""HTTP: health and metrics routes, and limits of the HTTP server."""
