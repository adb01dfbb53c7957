"""Follows pages of the documentation literally: extracts their code blocks and runs them."""
