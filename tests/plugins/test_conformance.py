"""The conformance check finds what is wrong with a plugin, and nothing with a sound one."""

from __future__ import annotations

import textwrap

import pytest

from muniment.errors import UsageError
from muniment.testing import assert_conforms, check_plugin

HEAD = """
    import muniment
    from muniment.errors import Issue
    from muniment.plugins import PluginInfo, RetentionRule
    from muniment.schema import KINDS, Field, FieldKind, Label, ValueProblem

    @muniment.hookimpl
    def muniment_plugin_info():
        return PluginInfo("clinic", ">=1,<2", title={"en": "Clinic", "zh": "诊所"},
            messages={"clinic.bed": {"en": "No bed {bed}.", "zh": "没有 {bed} 号床位。"}})
"""

KIND = """
    LABEL = Label("Ward", "病房")

    def prepare(field):
        def parse(raw, context):
            if not isinstance(raw, str):
                raise ValueProblem("clinic.bed")
            text = raw.strip().upper()
            if not text:
                return None
            if not (text[:1] == "W" and text[1:].isascii() and text[1:].isdecimal() and len(text) < 6):
                raise ValueProblem("clinic.bed", bed=3)
            return text
        return parse

    @muniment.hookimpl
    def muniment_field_kinds():
        return [FieldKind(name="ward", encoding=1, label=LABEL, prepare=prepare,
                          examples=("W12", "w 7", "W001"))]

    @muniment.hookimpl
    def muniment_fields(record_type):
        if record_type == "customer":
            return [Field(key="ward", kind="ward", label=LABEL, group="personal", sensitivity="sensitive")]

    @muniment.hookimpl
    def muniment_validate(record, changes):
        return [Issue("clinic.bed", "ward")] if changes.get("ward") == "W001" else []

    @muniment.hookimpl
    def muniment_retention_rules(record_type):
        if record_type == "customer":
            return [RetentionRule(id="X-1", effect="MIN", category="profile", source="Law 1", minimum="P3Y",
                                  anchor="record.created")]

    @muniment.hookimpl
    def muniment_after_commit(versions):
        [one.fields for one in versions]
"""


@pytest.fixture
def module(tmp_path):
    """Write a plugin as a module and give its path."""

    def put(*changes: tuple[str, str]):
        source = textwrap.dedent(HEAD) + textwrap.dedent(KIND)
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        path = tmp_path / "clinic.py"
        path.write_text(source, encoding="utf-8")
        return path

    return put


def _codes(path):
    return {one.code for one in check_plugin(path, records=4) if one.severity == "error"}


def test_a_sound_plugin_has_nothing_found(module):
    """Every hook is used, and no promise is broken."""
    assert () == check_plugin(module(), records=4)


BROKEN = [
    ("bed=3)", "bed=raw)", "conform.value_told"),
    ('raise ValueProblem("clinic.bed")', "return raw + 1", "plugin.result"),
    ("return text\n", 'return text + "1" if len(text) < 5 else text\n', "conform.not_idempotent"),
    ("=prepare,", "=prepare, show=lambda value, lang, field: value[1:],", "conform.round_trip"),
    ("=prepare,", "=prepare, load=lambda data: data[1:],", "conform.round_trip"),
    ('"en": "Clinic", "zh": "诊所"', '"en": "Clinic"', "conform.label"),
    ('record.created"', 'admitted"', "conform.anchor"),
    ('category="profile"', 'category="nowhere"', "conform.category"),
    ('"clinic.bed", "ward")]', '"clinic.bed", "bed")]', "conform.unknown_field"),
    (
        'bed", "ward")] if changes.get("ward") == "W001" else []',
        'bed", parameters=changes)]',
        "conform.value_told",
    ),
    ('Issue("clinic.bed"', 'Issue("clinic.sofa"', "plugin.unknown_code"),
    ("return [Issue", "return 1 / 0 if record.version else [Issue", "plugin.raised"),
    ("[one.fields for one in versions]", "versions[99]", "conform.observer"),
    ("(record, changes)", "(record, change)", "plugin.hook_arguments"),
    ('kind="ward"', 'kind="wart"', "schema.unknown_near"),
    ("import muniment\n", "import muniment\n1 / 0\n", "plugin.import"),
]


@pytest.mark.parametrize(("old", "new", "code"), BROKEN)
def test_each_broken_promise_is_found(module, old, new, code):
    """One promise broken, and that is what is told."""
    assert code in _codes(module((old, new)))


def test_a_check_that_answers_by_chance_is_found(module):
    """Two questions, two answers."""
    seen = "SEEN = []\n\n@muniment.hookimpl\ndef muniment_validate(record, changes):\n    SEEN.append(1)\n"
    old = "@muniment.hookimpl\ndef muniment_validate(record, changes):\n    return [Issue"
    new = seen + '    return [Issue("clinic.bed", "ward")] if len(SEEN) % 2 else [Issue'
    assert "conform.differs" in _codes(module((old, new)))


def test_the_assertion_lists_what_was_found(module):
    """A plugin's own test fails with every finding, not with the first."""
    path = module(
        ('"en": "Clinic", "zh": "诊所"', '"en": "Clinic"'), ('category="profile"', 'category="nowhere"')
    )
    with pytest.raises(AssertionError, match=r"(?s)conform\.label.*conform\.category"):
        assert_conforms(path)


def test_a_kind_without_an_example_is_noted(module):
    """What could not be looked at is said, and is no fault."""
    found = check_plugin(module(('examples=("W12", "w 7", "W001")', "")), records=2)
    assert {("conform.no_value", "note")} == {(one.code, one.severity) for one in found}
    assert "ward" in found[0].text("zh")


def test_a_package_is_checked_by_its_folder(tmp_path, module):
    """Its parts are found among its own files."""
    path = module()
    package = tmp_path / "packed" / "clinic"
    package.mkdir(parents=True)
    path.rename(package / "_all.py")
    (package / "__init__.py").write_text("from ._all import *\nfrom ._all import muniment_plugin_info\n")
    assert () == check_plugin(package, records=2)


def test_a_path_without_a_plugin_is_refused(tmp_path):
    """Neither an empty folder nor a missing file is a plugin."""
    with pytest.raises(UsageError, match=r"conform\.no_plugin"):
        check_plugin(tmp_path)
    with pytest.raises(UsageError, match=r"conform\.no_plugin"):
        check_plugin(tmp_path / "nowhere.py")


@pytest.mark.slow
def test_identifiers_conform():
    """The plugin that is packaged beside the core keeps its promises."""
    examples = {
        "iban": ("DE89370400440532013000", "gb82 west 1234 5698 7654 32"),
        "uscc": ("91110000600037341L",),
        "resident_id": ("11010119900307867X", "110101199003078670"),
        "postal_code": ("10115", "SW1A 1AA"),
        "icd10": ("S72.001A",),
    }
    assert_conforms("identifiers", examples=examples)
