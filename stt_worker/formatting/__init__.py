"""Formats recognized text on request: filler words, profanity and numbers. Pure."""
