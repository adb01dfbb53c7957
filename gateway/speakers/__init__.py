"""Labels of speakers: the voices of a session, as workers describe them, are grouped into speakers. Pure."""
