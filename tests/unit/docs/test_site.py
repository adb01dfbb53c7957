"""The documentation site: navigation, links of root pages, list indentation, and the glossary."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
PYTHON_BLOCK = re.compile(r"^( *)```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "site_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def glossary_names() -> set[str]:
    """Class names in the glossary's columns for Python and TypeScript."""
    rows = [line.split("|") for line in (DOCS / "reference/glossary.md").read_text(encoding="utf-8").splitlines()]
    cells = " ".join(cell for row in rows if len(row) == 7 for cell in row[4:6])
    return set(re.findall(r"`([A-Z][A-Za-z]+)`", cells))


def test_every_page_is_in_the_navigation_or_in_the_index_of_decisions() -> None:
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    listed = set(re.findall(r"[\w./-]+\.md", NAVIGATION))
    assert {page for page in listed - pages if (ROOT / page).parent != ROOT} == set()
    assert {page for page in pages - listed if not page.startswith(("explanation/decisions/0", "reference/_"))} == set()


def test_a_link_out_of_the_site_becomes_text_and_a_link_to_a_root_page_stays(hooks: ModuleType) -> None:
    source = "[code](../../gateway/gateway.py), [rules](../../CONTRIBUTING.md#rules), [scale](scale.md)"
    expected = "code, [rules](../CONTRIBUTING.md#rules), [scale](scale.md)"
    assert hooks.site_links(source, "docs/howto/page.md") == expected
    assert hooks.site_links("[scale](docs/howto/scale.md)", "CONTRIBUTING.md") == "[scale](howto/scale.md)"


def test_content_of_list_items_is_indented_by_four_spaces_per_level(hooks: ModuleType) -> None:
    source = "1. One:\n\n       code\n\n   text\n   - inner\n     more\n\n2. Two\n\ntext\n\n    code"
    expected = "1. One:\n\n        code\n\n    text\n    - inner\n        more\n\n2. Two\n\ntext\n\n    code"
    assert hooks.indent_lists(source) == expected


def test_the_glossary_names_only_classes_that_exist() -> None:
    suffixes = {".py", ".ts", ".tsx"}
    folders = ("backend", "gateway", "stt_worker", "translation_worker", "frontend/src", "frontend/client", "tests")
    files = (file for folder in folders for file in (ROOT / folder).rglob("*") if file.suffix in suffixes)
    code = "\n".join(file.read_text(encoding="utf-8") for file in files if "node_modules" not in file.parts)
    declared = set(re.findall(r"\b(?:class|interface|type) ([A-Z]\w+)", code))
    assert glossary_names() - declared == set()


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_python_examples_compile(page: Path) -> None:
    for indent, code in PYTHON_BLOCK.findall(page.read_text(encoding="utf-8")):
        compile(
            re.sub(rf"^{indent}", "", code, flags=re.MULTILINE), page.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
