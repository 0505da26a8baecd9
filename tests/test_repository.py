"""Rules about the repository itself: what may stand in it, and what must stand together."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from muniment import errors

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core" / "muniment"
SOURCES = sorted(path for path in CORE.rglob("*.py"))
CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9_]+(\.[a-z0-9_]+)*")
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MunimentError)
} | {"Issue", "ValueProblem"}


def tracked() -> list[Path]:
    """The files that a commit would hold: tracked, or new and not ignored."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def catalogue() -> dict[str, dict[str, str]]:
    merged: dict[str, dict[str, str]] = {}
    for path in sorted((CORE / "messages").glob("*.toml")):
        for code, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            assert code.startswith(f"{path.stem}."), f"{code} stands in {path.name}"
            assert code not in merged
            merged[code] = entry
    return merged


def test_nothing_refers_to_a_path_outside_the_checkout():
    """The project is whole in itself; one line of .ci/run alone looks beside it."""
    outside = re.compile(r"(?<![\w./])(?:\.\./)+shared\b|/(?:work|root|home)/[a-z]")
    found = {
        (str(path), line.strip())
        for path, text in texts()
        if path.parts[0] != "tests" or path.name != "test_repository.py"
        for line in text.splitlines()
        if outside.search(line)
    }
    assert {".ci/run"} == {path for path, _ in found}, found
    assert len(found) == 1, found


def test_nothing_names_the_address_of_a_package_registry():
    """Pins are versions and hashes; where packages come from is the machine's business."""
    page = "/" + "simple"  # what every registry calls its list of packages
    options = ("index" + "-url", "find" + "-links")  # what installers are told where to look by
    address = re.compile(
        rf"--(?:extra-)?(?:{'|'.join(options)})"
        rf"|[a-z]+:[^\s\"']*{page}\b"
        r"|\"resolved\": *\"https?:"
    )
    found = [
        str(path) for path, text in texts() if path.name != "test_repository.py" and address.search(text)
    ]
    assert [] == found


def test_every_pin_has_its_hashes():
    """Nothing is installed that could have been exchanged since."""
    pins = (ROOT / "pins.txt").read_text().replace("\\\n", " ").splitlines()
    assert pins
    for pin in pins:
        assert re.fullmatch(r"[\w.-]+==[\w.!+-]+( ; [^#]*?)?( +--hash=sha256:[0-9a-f]{64})+", pin.strip()), (
            pin
        )


def test_no_file_is_large():
    """Tables and vectors that weigh more belong elsewhere."""
    assert [] == [str(path) for path in tracked() if path.stat().st_size > 1 << 20]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _raised(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in ERRORS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_every_code_that_is_raised_has_a_text():
    """Nobody is shown a bare code."""
    texts = catalogue()
    missing = {
        code: str(path.relative_to(ROOT))
        for path in SOURCES
        for code in _raised(parsed(path))
        if code not in texts
    }
    assert {} == missing


def test_every_text_is_complete():
    """Both languages, a hint in both or in neither, and the same parameters in each."""
    for code, entry in catalogue().items():
        assert CODE.fullmatch(code), code
        assert {"en", "zh"} <= entry.keys() <= {"en", "zh", "hint_en", "hint_zh"}, code
        assert ("hint_en" in entry) == ("hint_zh" in entry), code
        assert all(entry.values()), code
        for english, chinese in (("en", "zh"), ("hint_en", "hint_zh")):
            named = [set(re.findall(r"\{(\w+)[:}]", entry.get(key, ""))) for key in (english, chinese)]
            assert named[0] == named[1], code
        assert re.search("[\u4e00-\u9fff]", entry["zh"]), code


def test_every_text_belongs_to_a_code_that_is_used():
    """A text whose code went away goes too.

    A code stands in the source as a literal, or is put together by an f-string
    out of its beginning and a word that is a literal too (``f"index.leak_{kind}"``).
    """
    literals: set[str] = set()
    beginnings: set[str] = set()
    # The pages are the other half of `serve`, so what only they say stands in the core's catalogue too.
    for path in (*SOURCES, *ROOT.glob("plugins/web/src/**/*.py")):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(node.values[0].value)
    beginnings = {one for one in beginnings if re.fullmatch(r"[a-z]+\.[a-z_.]*", one)}
    unused = {
        code
        for code in set(catalogue()) - literals
        if not any(code.startswith(one) and code[len(one) :] in literals for one in beginnings)
    }
    assert set() == unused


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_every_module_says_what_it_is_and_what_of_it_is_public(path):
    """A docstring, and an __all__ whose names exist and are documented."""
    tree = parsed(path)
    assert ast.get_docstring(tree)
    if len(tree.body) == 1:  # a package that only says what its modules are
        return
    (listed,) = [
        node.value
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and node.value
        and [target.id for target in _targets(node) if isinstance(target, ast.Name)] == ["__all__"]
    ]
    public = {node.value for node in ast.walk(listed) if isinstance(node, ast.Constant)}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in public:
            assert ast.get_docstring(node), node.name


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def test_importing_muniment_loads_nothing_heavy():
    """A command that prints its help does not wait for cryptography."""
    heavy = ["attrs", "cryptography", "phonenumbers", "pluggy", "rich", "sqlite3", "sqlite_utils", "typing"]
    start = f"import sys; sys.path[:0] = {sys.path!r}; import muniment"
    code = f"{start}; print(sorted(set({heavy}) & set(sys.modules)))"
    # -S: the environment's own start-up files import what they like.
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_the_core_names_no_plugin():
    """Plugins know the core, never the other way round."""
    plugins = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
    assert plugins
    named = re.compile("|".join(rf"muniment_{plugin}\b" for plugin in plugins))
    assert [] == [str(path) for path in SOURCES if named.search(path.read_text(encoding="utf-8"))]


def test_the_checks_know_every_plugin():
    """A distribution that the layer rules leave out could import what it likes."""
    plugins = {f"muniment_{path.parent.name}" for path in ROOT.glob("plugins/*/pyproject.toml")}
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert plugins <= set(tools["importlinter"]["root_packages"])
    (layers,) = (one["layers"] for one in tools["importlinter"]["contracts"] if "containers" not in one
                 and one["type"] == "layers")  # fmt: skip
    assert plugins <= {name.strip("() ") for layer in layers for name in re.split("[:|]", layer)}
