"""Extracting and running the code blocks of pages."""
