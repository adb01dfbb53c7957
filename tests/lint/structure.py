"""The shape of the production code: `python -m tests.lint.structure` prints the figures and what breaks the rules.

The rules are those of docs/explanation/architecture.md: small folders, short files and functions, one class per name,
layout by the formatter alone, and comments that explain why.
"""

import ast
import io
import statistics
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("backend", "gateway", "stt_worker", "translation_worker")
FRONTEND = ("frontend/src", "frontend/main", "frontend/preload", "frontend/client/src")
MAX_FILES = 12
MAX_LINES = 300
# Measured before the redesign of 2026-11-28; functions may get shorter, not longer.
MAX_MEDIAN_FUNCTION = 5
MAX_P90_FUNCTION = 14
MIN_COMMENTS = 4.0
LONG_FILE_REASONS = {
    "backend/messages/language_table.py": "data",
    "backend/models/catalogue.py": "data",
    "frontend/client/src/protocol/messages.ts": "generated",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file, parsed."""

    path: str
    source: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Lines of the file, blank ones included."""
        return self.source.count("\n")

    def function_lengths(self) -> Iterator[int]:
        """Lines of each function and method, from `def` to its last line, without decorators and docstring."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
                yield (node.end_lineno or 0) - node.lineno + 1 - docstring

    def classes(self) -> Iterator[str]:
        """Names of all classes, nested ones included."""
        return (node.name for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def comment_lines(self) -> int:
        """Lines that hold a comment, directives for tools (noqa, type: ignore) left out."""
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        comments = (token.string for token in tokens if token.type == tokenize.COMMENT)
        return sum(not comment.startswith(("# noqa", "# type:", "#!")) for comment in comments)

    def code_lines(self) -> int:
        """Lines that hold code: neither blank, nor only a comment, nor part of a docstring."""
        skipped = {
            tokenize.COMMENT,
            tokenize.NL,
            tokenize.NEWLINE,
            tokenize.INDENT,
            tokenize.DEDENT,
            tokenize.ENDMARKER,
        }
        covered: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.source).readline):
            if token.type not in skipped:
                covered.update(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                covered.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
        return len(covered)


def modules(root: Path = ROOT) -> list[Module]:
    """Every Python file of production code."""
    files = sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))
    sources = ((str(file.relative_to(root)), file.read_text()) for file in files)
    return [Module(path, source, ast.parse(source)) for path, source in sources]


def crowded_folders(root: Path = ROOT) -> list[str]:
    """Folders with more than `MAX_FILES` files; `__init__.py`, type markers and tests do not count."""
    counts: Counter[str] = Counter()
    for folder in (*PACKAGES, *FRONTEND):
        for file in (root / folder).rglob("*"):
            ignored = {"__pycache__", "node_modules", "dist"} & set(file.parts)
            uncounted = file.name in {"__init__.py", "py.typed"} or ".test." in file.name
            if file.is_file() and not ignored and not uncounted:
                counts[str(file.parent.relative_to(root))] += 1
    return [f"{folder}: {count} files" for folder, count in sorted(counts.items()) if count > MAX_FILES]


def long_files(root: Path = ROOT) -> list[str]:
    """Files of more than `MAX_LINES` lines without a stated reason."""
    suffixes = {".py", ".lua", ".ts", ".tsx", ".css"}
    files = (
        file for folder in (*PACKAGES, *FRONTEND) for file in (root / folder).rglob("*") if file.suffix in suffixes
    )
    counted = ((str(file.relative_to(root)), file.read_text().count("\n")) for file in sorted(files))
    return [f"{path}: {lines} lines" for path, lines in counted if lines > MAX_LINES and path not in LONG_FILE_REASONS]


def repeated_classes(found: list[Module]) -> list[str]:
    """Class names that are used more than once."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in found:
        for name in module.classes():
            places[name].append(module.path)
    return [f"class {name}: {', '.join(paths)}" for name, paths in sorted(places.items()) if len(paths) > 1]


def skipped_formatting(found: list[Module]) -> list[str]:
    """Files that keep the formatter out."""
    return [module.path for module in found if "# fmt:" in module.source]


def figures(found: list[Module]) -> dict[str, float]:
    """Size, function lengths in lines, and comments per 100 lines of code."""
    lengths = sorted(length for module in found for length in module.function_lengths())
    return {
        "files": len(found),
        "lines": sum(module.lines for module in found),
        "functions": len(lengths),
        "median_function": statistics.median(lengths),
        "p90_function": lengths[int(0.9 * len(lengths))],
        "comments_per_100_lines": round(
            100 * sum(module.comment_lines() for module in found) / sum(module.code_lines() for module in found), 2
        ),
    }


def violations(root: Path = ROOT) -> list[str]:
    """Everything that breaks a rule, one line each."""
    found = modules(root)
    measured = figures(found)
    limits = (
        ("median_function", measured["median_function"] <= MAX_MEDIAN_FUNCTION),
        ("p90_function", measured["p90_function"] <= MAX_P90_FUNCTION),
        ("comments_per_100_lines", measured["comments_per_100_lines"] >= MIN_COMMENTS),
    )
    return [
        *crowded_folders(root),
        *long_files(root),
        *repeated_classes(found),
        *(f"{path}: # fmt: directive" for path in skipped_formatting(found)),
        *(f"{name}: {measured[name]}" for name, kept in limits if not kept),
    ]


def main() -> None:
    """Print the figures and the violations; exit with 1 when there is one."""
    for name, value in figures(modules()).items():
        print(f"{name}: {value:g}")
    broken = violations()
    print("\n".join(broken) or "no violations")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
