"""Finding, checking and quarantining plugins."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from muniment import plugins
from muniment.errors import Issue, PluginError


def _why(name: str) -> PluginError:
    found = plugins.load([name], environ={})
    assert () == found.loaded
    assert [name] == list(found.quarantined)
    return found.quarantined[name]


def test_without_plugins_nothing_of_the_machinery_is_imported():
    """An archive without plugins pays nothing for them at start."""
    code = (
        "import sys; from muniment import plugins; found = plugins.load([], environ={});"
        "found.describe(); found.digest();"
        "print(sorted({'pluggy', 'importlib.metadata', 'muniment.schema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_an_enabled_plugin_is_loaded_and_described(install):
    """What a sound plugin says about itself, and where it came from, is what describe gives."""
    install("clinic", "@muniment.hookimpl\ndef muniment_validate(record): return ()")
    found = plugins.load(["clinic"], environ={})
    assert [
        {
            "name": "clinic",
            "state": "loaded",
            "code": None,
            "reason": None,
            "version": "1.0",
            "distribution": "muniment-clinic",
            "path": None,
            "digest": None,
            "api": ">=1,<2",
            "title": {},
            "needs": [],
            "settings": {},
            "hooks": ["muniment_plugin_info", "muniment_validate"],
            "field_kinds": [],
            "record_types": [],
            "templates": [],
            "purposes": [],
            "roles": [],
            "alert_rules": [],
            "regimes": [],
            "log_formats": [],
            "jurisdictions": [],
        }
    ] == found.describe()


def test_installed_is_not_enabled(install):
    """A plugin that no archive names is listed and not imported."""
    install("bomb", "raise SystemExit('imported')", good=False)
    assert "bomb" in [one.name for one in plugins.installed()]
    assert () == plugins.load([], environ={}).loaded


def test_plugins_come_in_the_order_of_their_names(install):
    """The order does not depend on how they were named or installed."""
    for name in ("zeta", "alpha", "midway"):
        install(name)
    loaded = plugins.load(["midway", "zeta", "alpha"], environ={}).loaded
    assert ["alpha", "midway", "zeta"] == [plugin.name for plugin in loaded]


def test_a_broken_plugin_does_not_hinder_the_others(install):
    """Quarantine is for one plugin alone."""
    install("broken", "1 / 0", good=False)
    install("sound")
    found = plugins.load(["broken", "sound"], environ={})
    assert ["sound"] == [plugin.name for plugin in found.loaded]
    assert ["broken"] == list(found.quarantined)


def test_a_plugin_that_is_not_installed_is_named():
    """An archive that moved to another machine says what it misses."""
    why = _why("absent")
    assert "plugin.not_installed" == why.code
    assert "absent" in why.text()


@pytest.mark.parametrize("source", ["secret = '4111'\nint(secret + 'x')", "import sys\nsys.exit('4111')"])
def test_an_import_error_names_file_and_line_and_not_the_message(install, source):
    """Whatever a module raises while it is imported becomes a reason, without what it said."""
    path = install("broken", source, good=False)
    why = _why("broken")
    assert ("plugin.import", str(path), 2) == (why.code, why.parameters["file"], why.parameters["line"])
    assert "4111" not in why.text()
    assert why.__cause__ is None
    assert why.__context__ is None


def test_a_syntax_error_names_the_line(install):
    """The line is where the syntax is wrong, not where the import stands."""
    path = install("broken", "x = 1\ndef (", good=False)
    why = _why("broken")
    assert (str(path), 2) == (why.parameters["file"], why.parameters["line"])


def test_a_module_that_is_missing_is_named(install):
    """An entry point that leads nowhere says where it leads."""
    install("broken", target="nowhere_installed:plugin")
    assert "nowhere_installed:plugin" == _why("broken").parameters["file"]


def test_two_distributions_of_one_name_are_both_refused(install):
    """Neither may silently win; both are named."""
    install("clinic", distribution="muniment-clinic")
    install("clinic", distribution="evil-clinic")
    why = _why("clinic")
    assert "plugin.duplicate" == why.code
    assert "evil-clinic 1.0, muniment-clinic 1.0" == why.parameters["distributions"]


def test_a_misspelt_hook_names_file_line_and_the_nearest_hook(install):
    """A hook that is never called is a check that never runs."""
    path = install("clinic", "@muniment.hookimpl\ndef muniment_validat(record): return ()")
    why = _why("clinic")
    assert "plugin.unknown_hook" == why.code
    lines = path.read_text().splitlines()
    assert (str(path), lines.index("def muniment_validat(record): return ()"), "muniment_validate") == (
        why.parameters["file"],
        why.parameters["line"],
        why.parameters["near"],
    )


def test_an_optional_hook_of_later_versions_is_passed_over(install):
    """A plugin may serve several versions of muniment."""
    install("clinic", "@muniment.hookimpl(optionalhook=True)\ndef muniment_tomorrow(): ...")
    assert [("muniment_plugin_info",)] == [
        plugin.hooks for plugin in plugins.load(["clinic"], environ={}).loaded
    ]


def test_wrong_arguments_are_named(install):
    """An argument that the hook does not have is told together with those it has."""
    install("clinic", "@muniment.hookimpl\ndef muniment_validate(record, change): return ()")
    why = _why("clinic")
    assert ("plugin.hook_arguments", "change", "record, changes, context") == (
        why.code,
        why.parameters["wrong"],
        why.parameters["expected"],
    )


def test_a_hook_without_its_mark_is_refused(install):
    """A forgotten mark would leave a check that looks as if it found nothing."""
    install("clinic", "def muniment_validate(record): return ()")
    assert "plugin.hook_unmarked" == _why("clinic").code


def test_wrapping_a_hook_is_refused(install):
    """No plugin stands between muniment and another plugin's answer."""
    install("clinic", "@muniment.hookimpl(wrapper=True)\ndef muniment_validate(): return (yield)")
    assert "plugin.hook_wrapper" == _why("clinic").code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "plugin.info"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): return {'name': 'clinic'}", "plugin.info"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): 1 / 0", "plugin.import"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): return PluginInfo('other', '>=1')", "plugin.name"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): return PluginInfo('clinic', '>=2')", "plugin.api"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): return PluginInfo('clinic', '')", "plugin.api"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): return PluginInfo('clinic', '<1')", "plugin.api"),
        ("@muniment.hookimpl\ndef muniment_plugin_info(): return PluginInfo('clinic', '~=1')", "plugin.api"),
    ],
)
def test_what_a_plugin_says_about_itself_is_checked(install, body, code):
    """No information, another name, or a range without this version: quarantined."""
    install("clinic", "import muniment\nfrom muniment.plugins import PluginInfo\n" + body, good=False)
    assert code == _why("clinic").code


@pytest.mark.parametrize(
    "messages",
    [
        {"value.required": {"en": "x", "zh": "x"}},
        {"clinicx.code": {"en": "x", "zh": "x"}},
        {"clinic.code": {"en": "x"}},
        {"clinic.code": {"en": "x", "zh": ""}},
        {"clinic.code": {"en": "x", "zh": "x", "hint": "x"}},
    ],
)
def test_the_texts_of_a_plugin_are_complete_and_its_own(install, messages):
    """Both languages, known keys, and no text of the core's replaced."""
    install(
        "clinic",
        "import muniment\nfrom muniment.plugins import PluginInfo\n@muniment.hookimpl\n"
        f"def muniment_plugin_info(): return PluginInfo('clinic', '>=1', messages={messages!r})",
        good=False,
    )
    assert "plugin.messages" == _why("clinic").code


def test_the_texts_of_a_loaded_plugin_are_shown_in_both_languages(install):
    """An issue of a plugin reads like one of the core's."""
    install(
        "clinic",
        "import muniment\nfrom muniment.plugins import PluginInfo\n@muniment.hookimpl\n"
        "def muniment_plugin_info(): return PluginInfo('clinic', '>=1', messages="
        "{'clinic.ward': {'en': 'No bed {n}.', 'zh': '没有 {n} 号床位。',"
        "'hint_en': 'Ask.', 'hint_zh': '请询问。'}})",
        good=False,
    )
    plugins.load(["clinic"], environ={})
    issue = Issue("clinic.ward", "ward", parameters={"n": 3})
    assert "ward: No bed 3. Ask." == issue.text()
    assert "ward: 没有 3 号床位。请询问。" == issue.text("zh")


def test_a_plugin_cannot_be_named_like_an_area_of_the_core(install):
    """Its codes would be looked up in the core's texts."""
    install("usage")
    assert "plugin.area" == _why("usage").code


def test_the_environment_says_what_to_load(install):
    """MUNIMENT_LOAD_PLUGINS stands in for the names given."""
    install("first")
    install("second")
    found = plugins.load([], environ={"MUNIMENT_LOAD_PLUGINS": "second, first"})
    assert ["first", "second"] == [plugin.name for plugin in found.loaded]


def test_the_environment_is_no_way_around_a_plugins_checks(install):
    """An enabled plugin that the variable leaves out is quarantined, and so writes are refused."""
    install("clinic")
    found = plugins.load(["clinic"], environ={"MUNIMENT_LOAD_PLUGINS": ""})
    assert "plugin.left_out" == found.quarantined["clinic"].code
    with pytest.raises(PluginError, match=r"plugin\.not_loaded"):
        found.require_all()


def test_the_digest_tells_which_plugins_are_in_force(install):
    """It changes with a plugin's presence, version and state, and with nothing else."""
    install("clinic")
    none = plugins.load([], environ={})
    one = plugins.load(["clinic"], environ={})
    assert 32 == len(none.digest())
    assert 3 == len({none.digest(), one.digest(), plugins.load(["absent"], environ={}).digest()})
    assert plugins.load(["clinic"], environ={}).digest() == one.digest()


def test_the_digest_is_of_the_published_bytes(install):
    """Anyone can compute it: the lines are in the order of the names, whatever their state."""
    install("clinic")
    lines = (
        b'[{"code":"plugin.not_installed","name":"absent"},'
        b'{"distribution":"muniment-clinic","name":"clinic","version":"1.0"}]'
    )
    expected = hashlib.sha256(b"muniment/plugins/v1\n" + lines).digest()
    assert expected == plugins.load(["clinic", "absent"], environ={}).digest()


def test_a_quarantined_plugin_is_described_with_its_reason():
    """What plugin list prints says why and what to do, in the reader's language."""
    (shown,) = plugins.load(["absent"], environ={}).describe(lang="zh")
    assert ("absent", "quarantined", "plugin.not_installed") == (shown["name"], shown["state"], shown["code"])
    assert "未安装" in shown["reason"]


def test_what_a_plugin_needs_is_enabled_with_it(tmp_path, monkeypatch, install):
    """One name is enough; without what it needs a plugin is put aside and says what is missing."""
    from muniment.testing import new_archive

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    source = """
        import muniment
        from muniment.plugins import PluginInfo
        @muniment.hookimpl
        def muniment_plugin_info(): return PluginInfo("{0}", ">=1,<2", needs=("{1}",))
    """
    install("clinic", source.format("clinic", "wards"), good=False)
    install("wards", source.format("wards", "identifiers"), good=False, distribution="muniment-wards")
    assert ("clinic", "identifiers", "wards") == plugins.needed(["clinic"])
    found = plugins.load(["clinic", "wards"], environ={})
    assert ("plugin.needs", "identifiers") == (
        found.quarantined["wards"].code,
        found.quarantined["wards"].parameters["other"],
    )
    assert "plugin.needs" == found.quarantined["clinic"].code
    with new_archive(tmp_path / "archive", plugins=["clinic"]) as archive:
        assert {"clinic", "identifiers", "wards"} == {one.name for one in archive.plugins.loaded}


@pytest.mark.parametrize("needs", ['"identifiers"', "(1,)", "None"])
def test_needs_that_are_no_names_are_refused(install, needs):
    """They would be looked up as something else."""
    install(
        "clinic",
        f"""
        import muniment
        from muniment.plugins import PluginInfo
        @muniment.hookimpl
        def muniment_plugin_info(): return PluginInfo("clinic", ">=1,<2", needs={needs})
        """,
        good=False,
    )
    assert "plugin.info" == plugins.load(["clinic"], environ={}).quarantined["clinic"].code
