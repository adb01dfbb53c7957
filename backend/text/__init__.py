"""Words of a text: how scripts separate them, how spellings are normalized, and how two texts differ. Pure."""
