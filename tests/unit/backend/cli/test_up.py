"""Messages of `nova up`: access, the next step, and an address that is in use."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from backend.cli import up
from backend.cli.main import nova
from backend.errors import SetupError
from backend.local.run_file import announced
from backend.local.runtime_folder import runtime_folder
from backend.local.system import Plan, System

# No other command finds the systems of these tests.
pytestmark = pytest.mark.usefixtures("temporary_folder")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_AUTH", "GATEWAY_TLS_CERT", "GATEWAY_HOST", "GATEWAY_PORT", "STT_MODEL"):
        monkeypatch.delenv(name, raising=False)


def access(host: str, key: str = "", **environment: str) -> str:
    plan = Plan("null", "", host=host, environment=environment)
    scheme = "https" if "GATEWAY_TLS_CERT" in environment else "http"
    return "\n".join(up._describe_access(plan, System((f"{scheme}://127.0.0.1:8080",), "", (), Path(), key)))


def test_on_loopback_only_this_machine_can_connect() -> None:
    assert access("127.0.0.1").endswith(
        "No API key is required. To let others connect, use --host 0.0.0.0 (GATEWAY_HOST)."
    )
    assert "`nova keys create`" in access("127.0.0.1", GATEWAY_AUTH="keys")


def test_on_all_addresses_the_address_for_others_the_key_and_the_microphone_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(up, "hosts_for_others", lambda host: ["192.168.1.5"])
    said = access("0.0.0.0", "nova_key")
    assert "Other machines can connect: http://192.168.1.5:8080" in said
    assert "Ctrl-C: nova_key" in said
    assert "do not allow the microphone" in said
    assert "GATEWAY_TLS_CERT and GATEWAY_TLS_KEY" in said


def test_with_tls_the_microphone_works_everywhere() -> None:
    said = access("10.0.0.5", GATEWAY_TLS_CERT="cert.pem", GATEWAY_AUTH="none")
    assert said == "Other machines can connect: https://10.0.0.5:8080\nNo API key is required."


def test_without_a_network_the_address_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "hosts_for_others", lambda host: [])
    assert "http://ADDRESS-OF-THIS-MACHINE:8080" in access("0.0.0.0")


def test_without_a_page_the_user_is_not_asked_to_open_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PAGE_DIR", str(tmp_path))
    assert "Open the page" not in up._next_step()
    assert "install Node.js 20 or later and run `make page`" in up._next_step()
    (tmp_path / "index.html").touch()
    assert up._next_step().startswith("Open the page and speak.")


def test_a_port_in_use_is_reported_before_the_models_are_prepared() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        failed = CliRunner().invoke(nova, ["up", "--port", str(port), "--model", "unknown"])
    assert isinstance(failed.exception, SetupError)
    assert failed.exception.message == (
        f"no server can listen at 127.0.0.1:{port}: Address already in use. "
        "Choose another address with --port (GATEWAY_PORT) or --host"
    )


def test_a_second_system_on_the_same_port_is_reported_with_its_process(tmp_path: Path) -> None:
    with socket.socket() as taken, runtime_folder() as folder:
        assert tmp_path in folder.parents, "commands of this user would find the system of this test"
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with announced(System((url,), "redis://", (), folder)):
            failed = CliRunner().invoke(nova, ["up", "--port", url.rpartition(":")[2]])
    assert isinstance(failed.exception, SetupError)
    assert failed.exception.message.startswith(f"Nova Voice is already running: {url} (nova up, process ")


@pytest.mark.parametrize(("host", "port"), [("", "8080"), ("nohost.invalid", "0"), ("a b", "0"), ("192.0.2.1", "0")])
def test_an_address_that_this_machine_does_not_have_is_reported_with_the_reason(host: str, port: str) -> None:
    failed = CliRunner().invoke(nova, ["up", "--host", host, "--port", port, "--model", "unknown"])
    assert isinstance(failed.exception, SetupError)
    assert failed.exception.message.startswith(f"no server can listen at {host}:{port}: ")


@pytest.mark.parametrize(("command", "port"), [("up", "-1"), ("up", "70000"), ("doctor", "0"), ("doctor", "70000")])
def test_a_port_out_of_range_is_a_usage_error(command: str, port: str) -> None:
    refused = CliRunner().invoke(nova, [command, "--port", port])
    assert (refused.exit_code, f"{port} is not in the range" in refused.output) == (2, True)
