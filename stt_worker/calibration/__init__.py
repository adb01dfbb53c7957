"""Measures which settings suit this machine (`trials`), evaluates them (`results`) and stores them (`storage`)."""
