"""Why a recording cannot be transcribed, or not completely."""

from backend.errors import NovaError


class MediaError(NovaError):
    """A file cannot be transcribed, or not completely."""

    code = "media"


class UnreadableError(MediaError):
    """The file is missing, is a directory, or cannot be read for lack of permission."""

    code = "unreadable"


class EmptyFileError(MediaError):
    """The file has no bytes or no sound."""

    code = "empty_file"


class NotMediaError(MediaError):
    """No demuxer or decoder recognizes the file."""

    code = "not_media"


class NoAudioError(MediaError):
    """The file has no audio track."""

    code = "no_audio"


class NoTrackError(MediaError):
    """The file has no audio track with the requested number."""

    code = "no_track"


class TooManyChannelsError(MediaError):
    """The audio track has more channels than a session."""

    code = "too_many_channels"


class TruncatedAudioError(MediaError):
    """The file is truncated. The audio before that point was used."""

    code = "truncated_audio"


class DamagedAudioError(MediaError):
    """Parts of the file are damaged. The audio before and after them was used."""

    code = "damaged_audio"
