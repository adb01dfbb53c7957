"""Guards of recognized text: what is hallucinated, repeated by the decoder, or left out. Pure."""
