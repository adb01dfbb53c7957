"""Reports idioms that make texts hard to read: `python -m tests.lint.prose [paths]`, by default the whole repository.

It reads Markdown, Python (docstrings, comments, messages, test names), TypeScript, CSS, Lua, HTML, comments of
configuration files and dashboards. Code, inline code and data are not checked. The rules are in forbidden_prose.txt.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES_FILE = Path(__file__).with_name("forbidden_prose.txt")
# Recorded data, third-party texts, the rules themselves and their test, and translations into other languages.
SKIPPED_FILES = re.compile(
    r"tests/contract/recorded/|forbidden_prose|tests/unit/lint/test_prose|package-lock|LICENSE|/i18n/(?:page/)?(?!en\b)[\w.-]+\.ts"
)
MIN_WORDS = 4  # string literals with fewer words are identifiers or labels, not sentences
SENTENCE_START = r"(?:(?<![\s\S])|(?<=[.!?:;] ))"
CODE = "`x`"  # takes the place of inline code and of values in a text


@dataclass(frozen=True, slots=True)
class Fragment:
    """Text of one paragraph, comment, docstring or string: the first line's number and the lines."""

    line: int
    lines: tuple[str, ...]
    is_docstring: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A forbidden idiom."""

    pattern: re.Pattern[str]
    suggestion: str
    docstrings_only: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A forbidden idiom in a file."""

    path: str
    line: int
    phrase: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: '{self.phrase}' -> {self.suggestion}"


def load_rules(text: str) -> list[Rule]:
    """Parse the rules file: sections in brackets, comments, and `REGEX -> SUGGESTION`."""
    rules, docstrings = [], False
    for line in text.splitlines():
        if line.startswith("["):
            docstrings = line == "[docstrings]"
        elif line.strip() and not line.startswith("#"):
            pattern, suggestion = line.split(" -> ")
            compiled = re.compile(pattern.replace("<S>", SENTENCE_START), re.IGNORECASE)
            rules.append(Rule(compiled, suggestion, docstrings))
    return rules


# --- Markdown


def markdown(text: str) -> Iterator[Fragment]:
    """Paragraphs, headings, list items and table rows, without code."""
    number = 0
    block: list[str] = []
    start, fence, after_blank = 0, "", True
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        marker = re.match(r"\s*(```+|~~~+)", line)
        if marker and (not fence or line.strip() == fence):
            fence = "" if fence else marker[1]
            line = ""
        indented_code = after_blank and re.match(r" {4,}(?![-*] |\d+\. )", line) is not None
        if fence or indented_code:
            continue  # a blank line before indented code leaves `after_blank` set
        new_block = re.match(r"\s*(?:[-*+] |\d+\. |#|\||>|:|$)", line) is not None
        if new_block and block:
            yield Fragment(start, tuple(block))
            block = []
        if line.strip():
            start = start if block else number
            block.append(_without_markup(line))
            if line.lstrip().startswith(("#", "|")):
                yield Fragment(start, tuple(block))
                block = []
        after_blank = not line.strip()


def _without_markup(line: str) -> str:
    line = re.sub(r"`[^`]*`", CODE, line)
    line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
    line = re.sub(r"https?://\S+|<[^>]+>", CODE, line)
    line = re.sub(r"^\s*(?:[-*+] |\d+\. |#+ |> )", "", line)
    return re.sub(r"\*\*|__", "", line).replace("|", " . ")


# --- Python


def python(text: str, *, is_test: bool = False) -> Iterator[Fragment]:
    """Docstrings, comments, and the messages of production code or the names of tests."""
    tree = ast.parse(text)
    yield from _python_comments(text)
    documented: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documented.add(id(node.value))
            yield _docstring(node.lineno, node.value.value)
        if is_test and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Fragment(node.lineno, (node.name.removeprefix("test_").replace("_", " "),))
    if not is_test:
        yield from _messages(tree, documented)


def _docstring(line: int, text: str) -> Fragment:
    return Fragment(line, tuple(re.sub(r"``?[^`]*``?", CODE, part) for part in text.splitlines()), is_docstring=True)


def _python_comments(text: str) -> Iterator[Fragment]:
    comments = [
        # Comments after code get different columns, because successive ones are separate texts.
        (token.start[0], -token.start[0] if token.line.split("#")[0].strip() else token.start[1], _plain(token.string))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and not re.match(r"# (?:noqa|type:|pragma|fmt:)|#!", token.string)
    ]
    yield from _joined(comments)


def _plain(comment: str) -> str:
    return re.sub(r"^#[#!:]*\s*(?:-{3,}\s)?", "", comment).strip()


def _joined(comments: list[tuple[int, int, str]]) -> Iterator[Fragment]:
    """Comments on successive lines in the same column are one text."""
    for _, group in groupby(enumerate(comments), key=lambda pair: (pair[1][0] - pair[0], pair[1][1])):
        members = [comment for _, comment in group]
        yield Fragment(members[0][0], tuple(re.sub(r"`[^`]*`", CODE, text) for _, _, text in members))


def _messages(tree: ast.Module, documented: set[int]) -> Iterator[Fragment]:
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(_constant_text(part) or CODE for part in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in documented | inner:
            text = _constant_text(node)
        else:
            continue
        if _is_sentence(text):
            yield Fragment(node.lineno, tuple(re.sub(r"`[^`]*`", CODE, line) for line in text.split("\n")))


def _constant_text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_sentence(text: str) -> bool:
    return "|" not in text and len(re.findall(r"[A-Za-z']{2,}", text)) >= MIN_WORDS


# --- other languages

SCRIPT_TOKENS = re.compile(
    r"""(?P<block>/\*.*?\*/)|(?P<comment>//[^\n]*)
      |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
      |(?<=[(,=:\[!&|?{};]\ )/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n])+/""",
    re.DOTALL | re.VERBOSE,
)


def script(text: str, *, is_test: bool = False) -> Iterator[Fragment]:
    """Comments, and the texts of production code or the names of tests, of TypeScript, JavaScript and CSS."""
    comments: list[tuple[int, int, str]] = []
    for token in SCRIPT_TOKENS.finditer(text):
        line = text.count("\n", 0, token.start()) + 1
        column = token.start() - text.rfind("\n", 0, token.start())
        if token["comment"]:
            comments.append((line, column, token["comment"].lstrip("/ ")))
        elif token["block"]:
            lines = tuple(re.sub(r"`[^`]*`", CODE, part.strip("/* ")) for part in token["block"].splitlines())
            yield Fragment(line, lines)
        elif token["string"] and _is_sentence(token["string"]) and (not is_test or _names_test(text, token.start())):
            yield Fragment(line, tuple(re.sub(r"\$\{[^}]*\}", CODE, token["string"][1:-1]).split("\n")))
    yield from _joined(comments)


def _names_test(text: str, position: int) -> bool:
    return re.search(r"\b(?:it|test|describe)(?:\.\w+)?\($", text[max(0, position - 20) : position]) is not None


def _line_comments(marker: str) -> Callable[[str], Iterator[Fragment]]:
    pattern = re.compile(rf"(?:^|(?<=\s)){marker}+[! ]*(.*)$")

    def comments(text: str) -> Iterator[Fragment]:
        matches = ((number, pattern.search(line)) for number, line in enumerate(text.splitlines(), start=1))
        yield from _joined([(number, match.start(), match[1]) for number, match in matches if match])

    return comments


def yaml(text: str) -> Iterator[Fragment]:
    """Comments, and the summaries and descriptions of alerts."""
    yield from _line_comments("#")(text)
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*(?:summary|description|message):\s*(.+)", line):
            yield Fragment(number, (re.sub(r"\{\{.*?\}\}", CODE, match[1]).strip("\"'"),))


def dashboard(text: str) -> Iterator[Fragment]:
    """Titles and descriptions in JSON."""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r'\s*"(?:title|description|summary)":\s*"(.*)"', line):
            yield Fragment(number, (re.sub(r"`[^`]*`", CODE, match[1]),))


def html(text: str) -> Iterator[Fragment]:
    """Text between tags, and comments."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield Fragment(number, (re.sub(r"</?[a-z][^>]*>", " ", line),))


def extractor(path: str) -> Callable[[str], Iterator[Fragment]] | None:
    """Return the function that finds the texts in this kind of file, or None for data and binaries."""
    name, suffix = Path(path).name, Path(path).suffix
    is_test = path.startswith("tests/") or ".test." in name or "frontend/e2e" in path or "electron9" in path
    if suffix == ".py":
        return lambda text: python(text, is_test=is_test)
    if suffix in {".ts", ".tsx", ".mjs", ".js", ".css"}:
        return lambda text: script(text, is_test=is_test)
    by_suffix = {".md": markdown, ".lua": _line_comments("--"), ".yml": yaml, ".yaml": yaml, ".html": html}
    if suffix in by_suffix:
        return by_suffix[suffix]
    if suffix == ".json" and path.startswith(("infra/", "docs/")):
        return dashboard
    commented = {".conf", ".sh", ".service", ".target", ".acl", ".toml", ".template", ".example", ".txt"}
    if suffix in commented or name in {"Makefile", "Containerfile", ".gitignore", ".dockerignore", "run"}:
        return _line_comments("#")
    return None


# --- checks


def check(path: str, text: str, rules: Iterable[Rule]) -> list[Finding]:
    """Return the findings in one file; `path` is relative to the repository and selects the language."""
    extract = extractor(path)
    fragments = extract(text) if extract else ()
    return [finding for fragment in fragments for finding in _findings(path, fragment, rules)]


def _findings(path: str, fragment: Fragment, rules: Iterable[Rule]) -> Iterator[Finding]:
    joined, starts = "", []
    for part in fragment.lines:
        starts.append(len(joined))
        joined += part.strip() + " "
    for rule in rules:
        if rule.docstrings_only and not fragment.is_docstring:
            continue
        for match in rule.pattern.finditer(joined.rstrip()):
            if rule.docstrings_only and match.start() > 0:
                break
            line = fragment.line + sum(start <= match.start() for start in starts) - 1
            yield Finding(path, line, match[0].strip()[:60], rule.suggestion)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file under the paths that may contain prose and that .gitignore does not exclude."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *map(str, paths))
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in sorted(listed.rstrip("\0").split("\0")):
        file = ROOT / name
        if file.is_file() and not SKIPPED_FILES.search(name):
            yield file


def main(arguments: list[str]) -> int:
    """Print every finding; return 1 if there is one."""
    rules = load_rules(RULES_FILE.read_text(encoding="utf-8"))
    count = 0
    for file in files(Path(argument).resolve() for argument in arguments or [str(ROOT)]):
        path = str(file.relative_to(ROOT))
        if extractor(path):
            for finding in check(path, file.read_text(encoding="utf-8"), rules):
                print(finding)
                count += 1
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
