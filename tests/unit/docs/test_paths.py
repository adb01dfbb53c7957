"""Paths, modules, links, settings and class members that the documentation names exist."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOP_LEVEL = "backend|gateway|stt_worker|translation_worker|frontend|tests|infra|docs"
# Files that a build or an operator creates.
GENERATED = (
    "frontend/release",
    "frontend/dist",
    "infra/.env",
    "infra/nova.env",
    "infra/redis/made",
    "infra/prometheus/nova_key",
)
THIRD_PARTY_CLASSES = {"WhisperModel"}


def _pages() -> list[Path]:
    """All Markdown files of the repository, also new ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return sorted(ROOT / name for name in names if (ROOT / name).is_file())


PAGES = _pages()
# Pages that docs/generate.py makes out of parts.
PARTS_OF_PAGES = "docs/reference/_"


@cache
def sources(ignored: tuple[str, ...] = ("docs/",)) -> str:
    """The text of everything outside the ignored folders, plus the generated list of settings."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    code = [
        name for name in files if not name.startswith(ignored) and Path(name).suffix not in {".md", ".png", ".json"}
    ]
    texts = [ROOT / name for name in (*code, "docs/reference/configuration.md") if (ROOT / name).is_file()]
    return "\n".join(path.read_text(encoding="utf-8", errors="ignore") for path in texts)


def paths(text: str) -> set[str]:
    """Repository paths in backticks, and modules after `python -m`, without placeholders such as NAME.py."""
    quoted = re.findall(rf"`((?:{TOP_LEVEL})/[\w./@-]*)`", text)
    modules = re.findall(rf"python -m ((?:{TOP_LEVEL})(?:\.\w+)+)", text)
    found = {path.rstrip("/") for path in quoted} | {module.replace(".", "/") for module in modules}
    return {path for path in found if not path.startswith(GENERATED) and not path.endswith("NAME.py")}


def links(text: str) -> set[tuple[str, str]]:
    """(target, anchor) of relative links and images; the target is empty for a link within the page."""
    inline = re.findall(r"\]\(([^)\s]*)(?:\s+\"[^\"]*\")?\)", text)
    others = re.findall(r"^\[[^\]]+\]:\s*(\S+)|\b(?:href|src)=[\"']([^\"']+)", text, re.MULTILINE)
    found = (place.partition("#") for place in (*inline, *(one or other for one, other in others)))
    return {(target, anchor) for target, _, anchor in found if "://" not in target and not target.startswith("mailto:")}


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub and MkDocs derive them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def in_repository(path: str) -> bool:
    """Whether a file, folder or module exists at this path."""
    return any((ROOT / f"{path}{suffix}").exists() for suffix in ("", ".py", "/__main__.py"))


def is_broken(page: Path, target: str, anchor: str) -> bool:
    """Whether a link leads to no file, or to no heading of a page."""
    other = page.parent / target if target else page
    return not other.exists() or (bool(anchor) and other.suffix == ".md" and anchor not in anchors(other))


def reachable_pages(start: Path) -> set[Path]:
    """The pages that a reader finds by following links."""
    found, waiting = set(), [start]
    while waiting:
        page = waiting.pop().resolve()
        if page not in found and page in PAGES:
            found.add(page)
            waiting += [page.parent / target for target, _ in links(page.read_text(encoding="utf-8")) if target]
    return found


def has_member(name: str, member: str) -> bool:
    """Whether the class is defined, and the member's name occurs in the code."""
    return all(re.search(pattern, sources()) for pattern in (rf"class {name}\b", rf"\b{member}\b"))


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_a_page_names_only_paths_that_exist(page: Path) -> None:
    assert {path for path in paths(page.read_text(encoding="utf-8")) if not in_repository(path)} == set()


@each_page
def test_a_page_links_only_to_files_and_headings_that_exist(page: Path) -> None:
    assert {link for link in links(page.read_text(encoding="utf-8")) if is_broken(page, *link)} == set()


def test_links_in_all_forms_of_markdown_are_checked() -> None:
    text = '[a](a.md#b "title") ![c](c.png) [d]\n\n[d]: d.md\n<a href="e.md"><img src=\'f.png\'> [x](https://x.md)'
    assert links(text) == {("a.md", "b"), ("c.png", ""), ("d.md", ""), ("e.md", ""), ("f.png", "")}


def test_every_page_can_be_reached_by_links_from_the_first_one() -> None:
    orphans = set(PAGES) - reachable_pages(ROOT / "README.md")
    names = {str(page.relative_to(ROOT)) for page in orphans}
    assert {name for name in names if not name.startswith(PARTS_OF_PAGES)} == set()


@each_page
def test_a_page_names_only_settings_that_exist(page: Path) -> None:
    named = re.findall(r"`((?:GATEWAY|STT|TRANSLATION|NOVA)_[A-Z0-9_]+)[`=]", page.read_text(encoding="utf-8"))
    assert {name for name in named if not re.search(rf"\b{name}\b", sources())} == set()


@each_page
def test_a_page_names_only_class_members_that_exist(page: Path) -> None:
    named = set(re.findall(r"`([A-Z][a-z]\w+)\.(\w+)[`(]", page.read_text(encoding="utf-8")))
    own = {(name, member) for name, member in named if name not in THIRD_PARTY_CLASSES}
    assert {(name, member) for name, member in own if not has_member(name, member)} == set()


@each_page
def test_a_page_quotes_only_labels_of_the_settings_that_exist(page: Path) -> None:
    labels = (ROOT / "frontend" / "src" / "i18n" / "en.ts").read_text(encoding="utf-8")
    quoted = re.findall(r"\*Settings, ([^*]+)\*", page.read_text(encoding="utf-8"))
    assert {label for path in quoted for label in path.split(", ") if f'"{label}"' not in labels} == set()


def test_the_index_of_decisions_lists_each_one_with_its_title() -> None:
    folder = ROOT / "docs" / "explanation" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("[0-9]*.md")):
        number, _, title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(". ")
        assert f"| [{number}]({page.name}) | {title} |" in index


def test_code_names_only_pages_that_exist() -> None:
    named = set(re.findall(r"docs/[\w/-]+\.md", sources(("docs/", "tests/unit/"))))
    assert {page for page in named if not (ROOT / page).exists()} == set()
