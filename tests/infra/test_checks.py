"""The files in infra/ are checked by the programs that read them, and each check finds a planted error."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra import tools
from tests.paths import INFRA


@dataclass(frozen=True, slots=True)
class Error:
    """An error to plant in a copy of infra/."""

    file: str
    right: str
    """Text to replace. "": append at the end of the file."""
    wrong: str
    """Replacement."""
    complaint: str
    """Part of the expected output."""

    def plant(self, infra: Path) -> None:
        """Write the error into the file, which must contain the correct text."""
        path = infra / self.file
        text = path.read_text(encoding="utf-8")
        assert self.right in text
        path.write_text(text.replace(self.right, self.wrong, 1) if self.right else text + self.wrong, encoding="utf-8")


KUBERNETES, UNITS = "kubernetes", "systemd"
SCALING = f"{KUBERNETES}/components/autoscaling"
CHECKS: tuple[tuple[Callable[[Path], str], Error], ...] = (
    (tools.kubernetes, Error(f"{KUBERNETES}/base/gateway.yaml", "failureThreshold", "failureTreshold", "Treshold")),
    (tools.kubernetes, Error(f"{KUBERNETES}/base/kustomization.yaml", "gateway.yaml", "gatway.yaml", "gatway.yaml")),
    (tools.kubernetes, Error(f"{KUBERNETES}/overlays/gpu/stt-worker.yaml", "operator:", "operater:", "operater")),
    (tools.keda, Error(f"{SCALING}/workers.yaml", 'streamLength: "4"', "streamLength: 4", "must be string")),
    (tools.keda, Error(f"{SCALING}/gateway.yaml", "ScaledObject", "ScaledObjekt", "no such kind")),
    (tools.compose, Error("compose.yaml", "", "\nnonsense: true\n", "nonsense")),
    (tools.containerfiles, Error("Containerfile", "", "\nMAINTAINER nobody\n", "DL4000")),
    (tools.nginx, Error("nginx/nova-voice.conf", "least_conn", "least_con", "least_con")),
    (tools.nginx, Error("nginx/nova-voice.conf", "$nova_connection;", "$nova_conection;", "nova_conection")),
    (tools.systemd, Error(f"{UNITS}/nova-stt@.service", "RestrictRealtime=", "RestrictRealtim=", "RestrictRealtim")),
    (tools.systemd, Error(f"{UNITS}/gpu/gpu.conf", "DevicePolicy=closed", "DevicePolicy=shut", "device policy")),
    (tools.systemd, Error(f"{UNITS}/nova-gateway@.service", "\nCapabilityBoundingSet=", "", "exposure")),
    (tools.systemd, Error(f"{UNITS}/nova-redis.service", "ExecStart=", "ExecStart=not/absolute ", "not/absolute")),
)
PROGRAMS = tuple(dict.fromkeys(check for check, _ in CHECKS))


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """A copy of infra/."""
    return shutil.copytree(INFRA, tmp_path / "infra")


@pytest.mark.parametrize("complaints", PROGRAMS, ids=lambda check: check.__name__)
def test_the_program_accepts_our_files(complaints: Callable[[Path], str], infra: Path) -> None:
    assert complaints(infra) == ""


@pytest.mark.parametrize(("complaints", "error"), CHECKS, ids=lambda value: getattr(value, "__name__", None))
def test_the_program_finds_an_error(complaints: Callable[[Path], str], error: Error, infra: Path) -> None:
    error.plant(infra)
    assert error.complaint in complaints(infra)
