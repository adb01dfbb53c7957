"""Formatted texts of real speech, from a gateway and the recognizer that the other tests of recordings use."""
