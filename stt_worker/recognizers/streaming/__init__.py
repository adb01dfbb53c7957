"""Recognizers that decode audio as it arrives: their models keep a state for each utterance."""
