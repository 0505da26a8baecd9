"""An archive's own plugins: pinned by their code, brought into its types, broken in every way."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import textwrap
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from muniment import plugins
from muniment.cli.app import app
from muniment.errors import ConfigError, Invalid, PluginError
from muniment.plugins import Pin, _calls
from muniment.testing import assert_no_plaintext, new_archive, open_again

INFO = """
import muniment
from muniment.errors import Issue
from muniment.plugins import PluginInfo
from muniment.schema import Field, Label, LayoutGroup

@muniment.hookimpl
def muniment_plugin_info():
    return PluginInfo("clinic", ">=1,<2", title={"en": "Clinic", "zh": "诊所"},
                      messages={"clinic.full": {"en": "Full.", "zh": "已满。"}})
"""

SOUND = (
    INFO
    + """
@muniment.hookimpl
def muniment_fields(record_type):
    if record_type == "customer":
        return [LayoutGroup("clinic", Label("Clinic", "诊所"), "clinic"),
                Field(key="ward", kind="text", label=Label("Ward", "病房"), group="clinic",
                      sensitivity="sensitive", required=False, index=("exact",))]

@muniment.hookimpl
def muniment_validate(changes):
    return [Issue("clinic.full", "ward")] if changes.get("ward") == "7" else []
"""
)

HOSPITAL = SOUND.replace('"clinic", ">', '"hospital", ">').replace("clinic.full", "hospital.full")

BROKEN = {
    "import": ("import nowhere_to_be_found", "plugin.import"),
    "syntax": ("def (", "plugin.import"),
    "exit": ("raise SystemExit(3)", "plugin.import"),
    "empty": ("", "plugin.info"),
    "hook": (INFO + "@muniment.hookimpl\ndef muniment_validat(changes): ...", "plugin.unknown_hook"),
    "argument": (INFO + "@muniment.hookimpl\ndef muniment_validate(change): ...", "plugin.hook_arguments"),
    "api": (INFO.replace(">=1,<2", ">=9"), "plugin.api"),
    "name": (INFO.replace('"clinic", ">', '"other", ">'), "plugin.name"),
    "slow": (INFO + "import time\ntime.sleep(60)", "plugin.slow"),
    "loop": (INFO + "while True:\n    try: 1 / 0\n    except Exception: pass", "plugin.slow"),
    "types": (INFO + "@muniment.hookimpl\ndef muniment_record_types(): return [5]", "plugin.result_at"),
    "raises": (
        INFO + "@muniment.hookimpl\ndef muniment_fields(record_type): raise KeyError('4111')",
        "plugin.import",
    ),
    "rule": (
        INFO + "from muniment.plugins import RetentionRule\n@muniment.hookimpl\n"
        "def muniment_retention_rules(record_type):\n"
        "    return [RetentionRule(id='A', effect='NEVER', category='x', source='y')]",
        "plugin.declares",
    ),
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An archive's folder with customers, its key beside it, and the environment of its commands."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("MUNIMENT_LOAD_PLUGINS", raising=False)
    with new_archive(tmp_path / "archive") as archive:
        (archive.folder / "plugins").mkdir()
    monkeypatch.setenv("MUNIMENT_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("MUNIMENT_KEY", str(tmp_path / "archive.key"))
    monkeypatch.setenv("LANG", "C.UTF-8")
    return tmp_path / "archive"


def _put(place: Path, source: str, name: str = "clinic") -> Path:
    path = place / "plugins" / f"{name}.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return path


def _cli(*words: str, code: int = 0):
    result = CliRunner().invoke(app, [*words, "--json"])
    assert code == result.exit_code, (words, result.stdout, result.stderr)
    return json.loads(result.stdout) if result.stdout.startswith("{") else result.stdout


def _create(code: int = 0, **values: str):
    return _cli(
        "record", "create", "customer", *(f"{key}={value}" for key, value in values.items()), code=code
    )


def _state(name: str = "clinic"):
    return next(one for one in _cli("plugin", "list")["plugins"] if one["name"] == name)


def test_a_plugin_of_the_archive_brings_a_field_and_a_check(place):
    """From the file to a refused value, by commands alone; enabling is one act in the log."""
    path = _put(place, SOUND)
    assert ("installed", False) == (_state()["state"], _state()["enabled"])
    _cli("plugin", "enable", "clinic", "--reason", "wards")
    assert ("loaded", str(path), hashlib.sha256(path.read_bytes()).hexdigest()) == (
        _state()["state"],
        _state()["path"],
        _state()["digest"],
    )
    saved = _create(full_name="Anna Boxkämpfer", ward="3")["records"][0]["id"]
    assert "3" == _cli("record", "get", saved)["records"][0]["fields"]["ward"]
    assert [saved] == [
        one["id"] for one in _cli("record", "list", "customer", "--where", "ward=3")["records"]
    ]
    assert ["clinic.full"] == [one["code"] for one in _create(code=6, full_name="Bob", ward="7")["issues"]]
    entries = _cli("log", "list", "--kind", "plugin.enable,config.apply,schema.apply")["entries"][:3]
    assert ["schema.apply", "config.apply", "plugin.enable"] == [one["kind"] for one in entries]
    with open_again(place) as archive, archive.session(actor="owner") as session:
        details = [session.entry(one["index"]).detail for one in entries]
        field = session.type("customer").by_key["ward"]
    assert 1 == len({detail["op"] for detail in details})
    assert {"plugin": "clinic", "digest": _state()["digest"]} == details[2]["target"]
    assert ("clinic", "clinic") == (field.plugin, field.category)
    assert_no_plaintext(place, ["Anna Boxkämpfer"])


def test_changed_code_is_not_run_and_nothing_is_written(place):
    """Until somebody takes the change, with a reason; reading and verifying go on."""
    path = _put(place, SOUND)
    _cli("plugin", "enable", "clinic", "--reason", "wards")
    saved = _create(full_name="Anna", ward="3")["records"][0]["id"]
    trace = place.parent / "trace"
    path.write_text(path.read_text() + f"\nopen({str(trace)!r}, 'w').close()\n")
    assert "plugin.changed" == _state()["code"]
    assert ("plugin.not_loaded", True) == (_create(code=7, full_name="Bob")["code"], not trace.exists())
    assert "clinic" in _create(code=7, full_name="Bob")["detail"]
    assert "3" == _cli("record", "get", saved)["records"][0]["fields"]["ward"]
    assert _cli("status")["config"]["differs"]
    _cli("log", "verify")
    assert not trace.exists()
    _cli("config", "apply", "--reason", "looked at it")
    assert trace.exists()
    _create(full_name="Bob", ward="4")
    kinds = [one["kind"] for one in _cli("log", "list", "--kind", "plugin.upgrade,plugin.enable")["entries"]]
    assert ["plugin.upgrade", "plugin.enable"] == kinds
    assert not _cli("config", "apply", "--reason", "again")["config"]["applied"]
    (held,) = _cli("config", "show")["config"]["plugins"]
    assert ("clinic", _state()["digest"]) == (held["name"], held["digest"])


def test_putting_the_old_code_back_is_enough(place):
    """What holds is what was applied, whichever way it came back."""
    path = _put(place, SOUND)
    _cli("plugin", "enable", "clinic")
    path.write_text(SOUND + "# more\n")
    _create(code=7, full_name="Bob")
    path.write_text(SOUND)
    _create(full_name="Bob")


@pytest.mark.parametrize("how", BROKEN)
def test_however_a_plugin_breaks_the_rest_goes_on(place, how, monkeypatch):
    """Help, list, verify and disable work; guarded writes are refused with its name and code 7.

    Code that broke after it was applied is not run at all, so the archive is made to have applied it.
    """
    source, code = BROKEN[how]
    monkeypatch.setattr(_calls, "LOADING_SECONDS", 0.2)
    path = _put(place, SOUND)
    _cli("plugin", "enable", "clinic")
    saved = _create(full_name="Anna", ward="3")["records"][0]["id"]
    path.write_text(source, encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    from muniment.session.kernel import definitions

    read = definitions.read_pins
    monkeypatch.setattr(
        definitions, "read_pins", lambda text: {name: Pin(digest=digest) for name in read(text)}
    )
    shown = _state()
    assert ("quarantined", code) == (shown["state"], shown["code"])
    assert "clinic" in shown["reason"]
    assert "4111" not in shown["reason"]
    if code not in {"plugin.info"}:
        assert str(path) in shown["reason"]
    assert 0 == CliRunner().invoke(app, ["--help"]).exit_code
    _cli("log", "verify")
    refused = _create(code=7, full_name="Bob")
    assert ("plugin.not_loaded", True) == (refused["code"], "clinic" in refused["detail"])
    assert "3" == _cli("record", "get", saved)["records"][0]["fields"]["ward"]
    _cli("plugin", "disable", "clinic", "--reason", "broken")
    _create(full_name="Bob")


def test_what_raises_in_every_hook_refuses_each_write(place):
    """The reason names the plugin, the file and the line, and no value; it can be disabled."""
    hooks = "\n".join(
        f"@muniment.hookimpl\ndef {hook}({arguments}): raise ValueError({said})"
        for hook, arguments, said in (
            ("muniment_validate", "changes", "repr(changes)"),
            ("muniment_after_commit", "versions", "repr(versions)"),
        )
    )
    path = _put(place, INFO + hooks)
    _cli("plugin", "enable", "clinic")
    refused = _create(code=7, full_name="Zwölf Boxkämpfer")
    assert "plugin.raised" == refused["code"]
    assert str(path) in refused["detail"]
    assert "Boxkämpfer" not in json.dumps(refused, ensure_ascii=False)
    _cli("plugin", "list")
    _cli("plugin", "disable", "clinic")
    _create(full_name="Zwölf Boxkämpfer")


def test_a_slow_check_refuses_the_write(place, monkeypatch):
    """A check that takes too long is as good as none that answers."""
    monkeypatch.setattr(_calls, "GATE_SECONDS", -1.0)
    _put(place, SOUND)
    _cli("plugin", "enable", "clinic")
    assert "plugin.slow" == _create(code=7, full_name="Bob")["code"]


def test_a_disabled_plugin_leaves_its_values_readable_and_exported(place, tmp_path):
    """They are read, asked for, exported and erased, and cannot be written; enabling brings them back."""
    _put(place, SOUND)
    _cli("plugin", "enable", "clinic")
    saved = _create(full_name="Anna", ward="3")["records"][0]["id"]
    _cli("plugin", "disable", "clinic", "--reason", "no more wards")
    (place / "plugins" / "clinic.py").unlink()
    assert "3" == _cli("record", "get", saved)["records"][0]["fields"]["ward"]
    _cli(
        "export",
        "customer",
        "--to",
        str(tmp_path / "out.csv"),
        "--fields",
        "full_name,ward",
        "--reason",
        "all",
    )
    assert ["full_name,ward", "Anna,3"] == (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    found = _cli("record", "list", "customer", "--where", "ward=3", "--scan")["records"]
    assert [saved] == [one["id"] for one in found]
    refused = _cli("record", "update", saved, "ward=4", code=6)
    assert ["value.plugin_disabled"] == [one["code"] for one in refused["issues"]]
    assert "clinic" in refused["detail"]
    _cli("record", "update", saved, "city=Berlin")
    assert {"ward": "3", "city": "Berlin"}.items() <= _cli("record", "get", saved)["records"][0][
        "fields"
    ].items()
    _put(place, SOUND)
    _cli("plugin", "enable", "clinic")
    _cli("record", "update", saved, "ward=4")
    _cli("plugin", "disable", "clinic", "--reason", "no more wards")
    erased = _cli("subject", "erase", saved, "--reason", "asked")
    assert [] == erased["kept"]
    gone = _cli("record", "get", saved, code=1)
    assert "record.not_found" == gone["code"]
    _cli("log", "verify")


def test_two_plugins_that_declare_one_field_are_refused_with_both_named(place):
    """Enabling the second changes nothing; its refusal names both, the file and the line."""
    _put(place, SOUND)
    other = _put(place, HOSPITAL,
                 "hospital")  # fmt: skip
    _cli("plugin", "enable", "clinic")
    text = (place / "muniment.toml").read_text()
    refused = _cli("plugin", "enable", "hospital", code=7)
    assert "plugin.field" == refused["code"]
    for part in ("hospital", "clinic", "customer.ward", str(other), "line "):
        assert part in refused["detail"]
    assert text == (place / "muniment.toml").read_text()
    _create(full_name="Anna", ward="3")


def test_a_field_of_a_disabled_plugin_is_still_its_own(place):
    """Another plugin cannot take the key over, for the values under it are not its."""
    _put(place, SOUND)
    _put(
        place,
        HOSPITAL,
        "hospital",
    )
    _cli("plugin", "enable", "clinic")
    _cli("plugin", "disable", "clinic")
    refused = _cli("plugin", "enable", "hospital", code=1)
    assert "schema.field_of_plugin" == refused["code"]
    assert "clinic" in refused["detail"]
    assert "hospital" in refused["detail"]


def test_a_module_and_a_package_of_one_name_are_refused(place):
    """Neither may silently win; both paths are named."""
    path = _put(place, SOUND)
    package = place / "plugins" / "clinic" / "__init__.py"
    package.parent.mkdir()
    package.write_text(SOUND)
    why = plugins.load(["clinic"], environ={}, folder=place / "plugins").quarantined["clinic"]
    assert "plugin.duplicate" == why.code
    assert str(path) in why.text()
    assert str(package) in why.text()


def test_an_installed_plugin_and_an_own_one_of_one_name_are_refused(place):
    """An archive's folder is no way to stand in for an installed plugin."""
    _put(place, SOUND.replace('"clinic", ">', '"identifiers", ">'), "identifiers")
    refused = _cli("plugin", "enable", "identifiers", code=7)
    assert "plugin.duplicate" == refused["code"]
    assert "muniment-identifiers" in refused["detail"]


def test_a_package_is_one_plugin_with_one_digest(place):
    """Every file counts, its parts and data are found, and the digest is what sha256sum gives."""
    package = place / "plugins" / "clinic"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from ._all import *\nfrom . import _all\nimport importlib.resources\n"
        "WORD = importlib.resources.files(__name__).joinpath('data', 'word.txt').read_text()\n")  # fmt: skip
    (package / "_all.py").write_text(SOUND)
    (package / "data" / "word.txt").write_text("ward")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "left.pyc").write_bytes(b"x")
    command = (
        "find . -type f ! -path '*/__pycache__/*' | sed 's,^[.]/,,' | LC_ALL=C sort"
        " | xargs sha256sum | sha256sum"
    )
    printed = subprocess.run(command, shell=True, cwd=package, capture_output=True, text=True, check=True)
    assert command in Path(__file__).parents[2].joinpath("docs", "plugins.md").read_text(encoding="utf-8")
    _cli("plugin", "enable", "clinic")
    assert printed.stdout.split()[0] == _state()["digest"]
    assert "clinic.full" == _create(code=6, full_name="Bob", ward="7")["issues"][0]["code"]
    (package / "data" / "word.txt").write_text("room")
    assert "plugin.changed" == _state()["code"]


def test_no_bytecode_stands_in_for_the_code_that_was_hashed(place):
    """A cache beside the module, of the right age and size, is not looked at."""
    import importlib.util
    import py_compile

    path = _put(place, SOUND)
    evil = place / "evil.py"
    evil.write_text(SOUND.replace('"7"', '"3"'))
    os.utime(evil, (path.stat().st_atime, path.stat().st_mtime))
    cache = Path(importlib.util.cache_from_source(str(path)))
    cache.parent.mkdir()
    py_compile.compile(
        str(evil), cfile=str(cache), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    _cli("plugin", "enable", "clinic")
    _create(full_name="Anna", ward="3")


def test_a_symbolic_link_is_followed_by_its_content(place, tmp_path):
    """What it leads to counts, so that changing that is a change."""
    real = tmp_path / "elsewhere.py"
    real.write_text(SOUND)
    (place / "plugins" / "clinic.py").symlink_to(real)
    _cli("plugin", "enable", "clinic")
    real.write_text(SOUND + "\n")
    assert "plugin.changed" == _state()["code"]


def test_an_enabled_plugin_in_the_file_alone_is_waiting(place):
    """Written into the file by hand and not applied: not a line of it is run by looking at the list."""
    trace = place.parent / "trace"
    _put(place, SOUND + f"\nopen({str(trace)!r}, 'w').close()\n")
    path = place / "muniment.toml"
    path.write_text(path.read_text().replace("enabled = []", 'enabled = ["clinic"]'))
    assert ("waiting", "plugin.waiting") == (_state()["state"], _state()["code"])
    assert not trace.exists()
    assert "config.waits" == _cli("plugin", "disable", "clinic", code=1)["code"]


def test_enabling_one_plugin_takes_no_change_of_another(place):
    """Each change of code has its own decision."""
    path = _put(place, SOUND)
    small = INFO.replace('"clinic", ">', '"small", ">').replace("clinic.full", "small.full")
    _put(place, small, "small")
    _cli("plugin", "enable", "clinic")
    path.write_text(SOUND + "\n")
    _cli("plugin", "enable", "small")
    assert ("loaded", "plugin.changed") == (_state("small")["state"], _state()["code"])
    _cli("plugin", "enable", "clinic")
    assert "loaded" == _state()["state"]


def test_a_version_that_was_not_applied_is_not_run(install):
    """An installed plugin is known by its version."""
    install("clinic")
    applied = plugins.load(["clinic"], environ={}).pins()
    assert {"clinic": Pin("muniment-clinic", "1.0")} == applied
    other = {"clinic": Pin("muniment-clinic", "0.9")}
    why = plugins.load(["clinic"], environ={}, pins=other).quarantined["clinic"]
    assert ("plugin.other_version", "0.9", "1.0") == (
        why.code,
        why.parameters["applied"],
        why.parameters["found"],
    )
    assert not plugins.load(["clinic"], environ={}, pins=applied).quarantined
    assert not plugins.load(["clinic"], environ={}, pins={**other, "clinic": None}).quarantined


def test_an_absolute_folder_is_refused(place):
    """An archive that moves takes its plugins with it."""
    path = place / "muniment.toml"
    path.write_text(path.read_text().replace('"plugins"', '"/srv/plugins"'))
    with pytest.raises(ConfigError, match=r"config\.value"):
        open_again(place)


def test_tests_beside_plugins_are_none(place):
    """Nor is what is hidden, or has no name that a plugin can have."""
    for name in ("conftest", "test_clinic", "clinic_test", "_part", "Clinic", "2nd"):
        _put(place, SOUND, name)
    (place / "plugins" / "folder").mkdir()
    assert [] == [one for one in plugins.installed(folder=place / "plugins") if not one.distribution]


def test_a_plugin_loads_in_another_thread(place):
    """There no alarm can be set; it is loaded all the same."""
    _put(place, SOUND)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(plugins.load(["clinic"], environ={}, folder=place / "plugins"))
    )
    thread.start()
    thread.join()
    assert ["clinic"] == [plugin.name for plugin in found[0].loaded]


def test_the_python_interface_says_the_same(place):
    """A write past a plugin that cannot be asked is refused; a disabled one's field is an issue."""
    _put(place, SOUND)
    _cli("plugin", "enable", "clinic")
    _put(place, SOUND + "\n")
    with open_again(place) as archive, archive.session(actor="owner") as session:
        assert archive.config_differs
        assert not archive.file_differs
        with pytest.raises(PluginError, match=r"plugin\.not_loaded"):
            session.create("customer", {"full_name": "Anna"})
    _cli("plugin", "disable", "clinic")
    with open_again(place) as archive, archive.session(actor="owner") as session:
        with pytest.raises(Invalid, match=r"value\.plugin_disabled"):
            session.create("customer", {"full_name": "Anna", "ward": "3"})
        session.create("customer", {"full_name": "Anna"})
