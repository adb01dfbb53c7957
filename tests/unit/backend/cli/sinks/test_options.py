"""The options for sinks: their languages, their variables, and that errors keep the secrets."""

import click
import pytest
from click.testing import CliRunner

from backend.cli.sinks.options import DEFAULT_AGE_S, SinkAddress, SinkPlan, parse_sink_address, sink_options

SECRET = "stream-key-1234"
YOUTUBE = f"http://upload.youtube.com/closedcaption?cid={SECRET}"


def parsed(*arguments: str, **environment: str) -> SinkPlan:
    plans: list[SinkPlan] = []

    @click.command()
    @sink_options
    def command(plan: SinkPlan) -> None:
        plans.append(plan)

    result = CliRunner().invoke(command, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return plans[0]


def test_a_sink_shows_the_spoken_language_or_the_one_before_its_url() -> None:
    assert parse_sink_address(YOUTUBE, ["http"]) == SinkAddress(YOUTUBE, None)
    assert parse_sink_address(f"es={YOUTUBE}", ["http"]) == SinkAddress(YOUTUBE, "es")


@pytest.mark.parametrize(
    "value",
    ["", SECRET, f"ftp://host/{SECRET}", f"http:///{SECRET}", f"http://[{SECRET}", f"es={SECRET}", f"xx={YOUTUBE}"],
)
def test_errors_do_not_repeat_the_secret(value: str) -> None:
    with pytest.raises(click.BadParameter) as failed:
        parse_sink_address(value, ["http", "https"])
    assert SECRET not in failed.value.message


def test_options_can_be_repeated_and_come_from_variables() -> None:
    plan = parsed("--youtube", YOUTUBE, "--youtube", f"es={YOUTUBE}", "--obs", "de=ws://127.0.0.1:4455")
    assert (len(plan.youtube), plan.zoom, plan.languages) == (2, (), ("es", "de"))
    assert (plan.max_age_s, plan.obs_password) == (DEFAULT_AGE_S, "")
    plan = parsed(NOVA_YOUTUBE_URL=YOUTUBE, NOVA_OBS_PASSWORD=SECRET, NOVA_OBS_URL="ws://127.0.0.1:4455")
    assert plan.youtube == (SinkAddress(YOUTUBE, None),)
    assert plan.obs_password == SECRET
    assert SECRET not in f"{plan} {plan.addresses}"
    assert parsed().addresses == ()


def test_deliveries_are_named_after_the_service_and_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    plan = parsed("--youtube", f"es={YOUTUBE}", "--zoom", f"https://wmcapi.zoom.us/closedcaption?id={SECRET}")
    assert [delivery.name for delivery in plan.deliveries(lambda _: None)] == ["YouTube (es)", "Zoom"]
    said = capsys.readouterr().err
    assert "sending captions to YouTube at upload.youtube.com" in said
    assert SECRET not in said
