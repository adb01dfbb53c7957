"""MkDocs hooks: the same Markdown files work on a Git hosting site and on the documentation site."""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
# Pages that belong in the repository's root, where hosting sites look for them.
ROOT_PAGES = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
LIST_ITEM = re.compile(r"( *)([-*+]|\d+\.)( +)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the repository's root to the site."""
    for name in ROOT_PAGES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Adapt links and list indentation of a page."""
    path = page.file.src_uri if page.file.src_uri in ROOT_PAGES else f"docs/{page.file.src_uri}"
    return indent_lists(site_links(markdown, path))


def site_links(markdown: str, path: str) -> str:
    """Make links relative to the site. A link to a file that is not part of the site becomes plain text.

    `path` is the page's place in the repository.
    """
    here = os.path.dirname(path)
    page_folder = here.removeprefix("docs").lstrip("/")

    def link(match: re.Match[str]) -> str:
        image, text, target, anchor = match.groups()
        in_repository = os.path.normpath(os.path.join(here, target))
        if in_repository.startswith("docs/"):
            in_site = in_repository.removeprefix("docs/")
        elif in_repository in ROOT_PAGES:
            in_site = in_repository
        else:
            return text
        return f"{image}[{text}]({os.path.relpath(in_site, page_folder or '.')}{anchor or ''})"

    return LINK.sub(link, markdown)


def indent_lists(markdown: str) -> str:
    """Indent the content of list items by 4 spaces per level, as Python-Markdown requires.

    CommonMark, which hosting sites use, aligns it with the text of the item: 2 spaces after "- ", 3 after "1. ".
    """
    levels: list[int] = []  # indentation of the content of each open list item
    lines, fenced, after_blank = [], False, True
    for line in markdown.splitlines():
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            lines.append(line)
            after_blank = True
            continue
        item = None if fenced else LIST_ITEM.match(line)
        if item or after_blank or indent == 0:
            while levels and indent < levels[-1]:
                levels.pop()
        depth = len(levels)
        is_code = indent - (levels[-1] if levels else 0) >= 4
        own_indent = levels[-1] if levels and indent >= levels[-1] else min(indent, levels[-1] if levels else 0)
        lines.append(" " * (4 * depth + indent - own_indent) + line.lstrip())
        if item and not is_code:
            levels.append(item.end())
        if line.lstrip().startswith("```"):
            fenced = not fenced
        after_blank = False
    return "\n".join(lines)
