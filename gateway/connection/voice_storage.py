"""Reads and stores the enrolled voices of sessions."""

from functools import partial

from backend.messages.protocol import Done, SpeakerEnrolled, Start
from backend.messages.voices.profiles import VoiceProfile
from backend.streams.access.voice_profiles import UnknownSpeakerError, VoiceProfiles
from backend.streams.redis.connection import retry_until_available
from gateway.services import GatewayServices
from gateway.session.actions import Action, CloseConnection, SendEvent, StoreVoice
from gateway.speakers.voices import SessionVoices

DAY_S = 86_400
# In place of a voice that was removed. Workers compare no speech with a vector of this size, so it gives no text.
REMOVED = VoiceProfile(
    name="removed",
    embedding="ADw=",
    threshold=1.0,
    short_threshold=1.0,
    samples=0,
    seconds=0.0,
    similarity=0.0,
    consent=False,
)


async def load_voices(profiles: VoiceProfiles, caller: str, start: Start) -> SessionVoices:
    """The enrolled voices that a session names. Raises UnknownSpeakerError. Other sessions read nothing."""
    names = start.known_speakers if start.speakers else ()
    known = [await retry_until_available(partial(profiles.find, caller, name)) for name in names]
    only = start.only_speaker
    target = await retry_until_available(partial(profiles.find, caller, only)) if only else None
    return SessionVoices(known, target)


async def load_resumed_voices(profiles: VoiceProfiles, caller: str, start: Start) -> SessionVoices:
    """The same for a session that is resumed. Its record has the voices that it names, but not the only speaker.

    Their voice may have been removed meanwhile. Then the session continues, so that no final of it is lost.
    """
    try:
        return await load_voices(profiles, caller, start.model_copy(update={"known_speakers": ()}))
    except UnknownSpeakerError:
        return SessionVoices(target=REMOVED)


async def store_voice(services: GatewayServices, caller: str, action: StoreVoice) -> list[Action]:
    """Store the voice that a session has enrolled, and return how the session ends. Raises TooManyVoicesError."""
    now = int(services.clock.wall())
    times = {"created": now, "expires": now + action.days * DAY_S}
    profile = action.profile.model_copy(update=times)
    await retry_until_available(lambda: services.voices.store(caller, profile))
    event = SpeakerEnrolled(
        name=profile.name, samples=profile.samples, similarity=profile.similarity, expires=profile.expires
    )
    return [SendEvent(event), SendEvent(Done()), CloseConnection()]
