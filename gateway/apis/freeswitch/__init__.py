"""FreeSWITCH's mod_audio_fork and mod_audio_stream, and jambonz: a codec and a route."""
