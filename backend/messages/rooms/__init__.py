"""Messages about rooms."""
