"""What the guides tell people to type does what the guides say.

Conventions, in comments that nobody sees who reads the page:

``<!-- run -->`` before a shell block runs it, in order, through a real shell in
one folder for each page; ``<!-- run exit=4 -->`` says how it ends.
``<!-- shows -->`` before a block: each of its lines stands in what the block
run last printed, in that order; ``…`` stands for anything.
``<!-- file check.py -->`` before a block writes it into that folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = (
    "README.md",
    "README.zh-CN.md",
    "docs/teams.md",
    "docs/teams.zh-CN.md",
    "docs/auditors.md",
    "docs/auditors.zh-CN.md",
    "docs/evidence.md",
    "docs/evidence.zh-CN.md",
    "docs/four-eyes.md",
    "docs/four-eyes.zh-CN.md",
    "docs/clinic.md",
    "docs/clinic.zh-CN.md",
    "docs/inbox.md",
    "docs/inbox.zh-CN.md",
    "docs/rights.md",
    "docs/rights.zh-CN.md",
    "docs/persons.md",
    "docs/persons.zh-CN.md",
    "docs/insights.md",
    "docs/insights.zh-CN.md",
    "docs/outreach.md",
    "docs/outreach.zh-CN.md",
)
PAGES = sorted(
    [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
)

# All assignments are exported, so that the next block finds them as a person's shell would.
BEFORE = """set -ea
test ! -e "$DOCS_STATE" || . "$DOCS_STATE"
cd "$(cat "$DOCS_STATE.cwd" 2>/dev/null || pwd)"
trap 'export -p > "$DOCS_STATE"; pwd > "$DOCS_STATE.cwd"' EXIT
"""


class Block(NamedTuple):
    """A marked block of a page."""

    line: int
    act: str
    argument: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The marked blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    marked = re.compile(
        r"^<!-- (run|shows|file)(?: (\S+))? -->\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE
    )
    found = list(marked.finditer(text))
    assert len(found) == len(re.findall(r"^<!-- (?:run|shows|file)\b", text, re.MULTILINE)), (
        "a mark without its block"
    )
    for one in found:
        yield Block(text.count("\n", 0, one.start()) + 1, one[1], one[2] or "", one[3])


@pytest.fixture
def shell(tmp_path):
    """Runs a text in the folder ``work`` as somebody would who has muniment installed, and nothing else."""
    for name in ("bin", "home", "work"):
        (tmp_path / name).mkdir()
    shim = tmp_path / "bin" / "muniment"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m muniment "$@"\n')
    shim.chmod(0o755)
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    environ = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home" / ".config"),
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
        "PYTHONUTF8": "1",
        "DOCS_STATE": str(tmp_path / "state"),
    }

    def run(text: str, language: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", BEFORE + text],
            cwd=tmp_path / "work",
            env={**environ, "LANG": language},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8")

    return run


def require_lines(expected: str, printed: str) -> None:
    """Each line of the one text, where it says something, stands in the other, in that order."""
    left = iter(" ".join(line.split()) for line in printed.splitlines())
    for line in filter(None, (" ".join(line.split()) for line in expected.splitlines())):
        pattern = re.compile(".*".join(re.escape(one.strip()) for one in line.split("…")))
        assert any(pattern.search(one) for one in left), f"not printed: {line}\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("name", GUIDES)
def test_what_a_guide_says_to_type_works(name, shell, tmp_path):
    """Every marked block of the page, in order, ends and prints as the page says."""
    language = "zh_CN.UTF-8" if ".zh-CN." in name else "en_GB.UTF-8"
    printed = ""
    for block in blocks(ROOT / name):
        if block.act == "file":
            (tmp_path / "work" / block.argument).write_text(block.text, encoding="utf-8")
        elif block.act == "shows":
            require_lines(block.text, printed)
        else:
            code, printed = shell(block.text, language)
            expected = int(block.argument.removeprefix("exit=") or 0)
            assert code == expected, f"{name}, line {block.line}: exit code {code}\n{printed}"


@pytest.mark.slow
def test_the_python_of_the_developers_guide_runs(tmp_path, monkeypatch):
    """All Python blocks of the page, in order and in one namespace, as one reads them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    page = ROOT / "docs" / "developers.md"
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "guide"}
    found = list(re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert found
    for one in found:
        above = "\n" * text.count("\n", 0, one.start(1))  # so that a traceback names the page's own line
        exec(compile(above + one[1], str(page), "exec"), namespace)  # noqa: S102, RUF100 - the page is ours


def outline(page: Path) -> list[tuple[str, ...]]:
    """The levels of a page's headings and the marks of its blocks, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^(?:(#+) |<!-- (run|file)(?: (\S+))? -->$)", text, re.MULTILINE)


@pytest.mark.parametrize("english", [one for one in GUIDES if ".zh-CN." not in one])
def test_both_languages_say_the_same_things_in_the_same_order(english):
    """A guide in Chinese has the headings and commands of the one in English."""
    chinese = ROOT / english.replace(".md", ".zh-CN.md")
    assert outline(ROOT / english) == outline(chinese)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    """A link to a file of ours names one that is there, and a heading that it has."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}, (
                target
            )


def test_every_module_that_the_developers_guide_names_is_there():
    """Whoever is sent to a file finds it."""
    text = (ROOT / "docs" / "developers.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)`", text)
    assert named
    assert [] == [one for one in named if not (ROOT / "core" / "muniment" / one).is_file()]


def test_every_command_that_a_page_names_is_there():
    """``muniment noun verb`` in code on any page is a command of the program."""
    import click

    from muniment.cli.app import app

    context = click.Context(app)
    wrong = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) + re.findall(
            r"`([^`\n]+)`", text
        )
        named = r"^\s*muniment((?: [a-z]+(?:-[a-z]+)*(?![\w:.=-])){1,3})"
        for words in re.findall(named, "\n".join(code), re.MULTILINE):
            group: click.Command | None = app
            for word in words.split():
                if not isinstance(group, click.Group):
                    break
                group = group.get_command(context, word)
                if group is None:
                    wrong.append((page.name, words))
                    break
    assert [] == wrong
