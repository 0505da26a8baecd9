"""What is published beside the code agrees with it: kinds, the schema of details, texts of errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import muniment.log
from muniment.errors import text_of
from muniment.log.kinds import ACCESSES, CHANGES, EVIDENCE, KINDS, RULES, SECURITY, kinds_document

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas" / "muniment_schemas"
PACKAGE = Path(muniment.log.__file__).parent
SCHEMA: dict[str, Any] = json.loads((SCHEMAS / "detail.schema.json").read_text(encoding="utf-8"))


def test_the_published_kinds_are_those_of_the_code() -> None:
    """``kinds.json`` is made from the list; after a change run tests/tools/make_log_vectors.py."""
    assert kinds_document() == (SCHEMAS / "kinds.json").read_text(encoding="utf-8")


def test_kinds_have_names_rules_and_words() -> None:
    """noun.verb, a known rule, a heading in both languages, and no two alike."""
    for name, kind in KINDS.items():
        assert name == kind.name
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", name)
        assert kind.rule in RULES
        assert re.search(r"[A-Za-z]", kind.en)
        assert re.search(r"[\u4e00-\u9fff]", kind.zh)
        assert not re.search(r"[\u4e00-\u9fff]", kind.en)
    for texts in ([kind.en for kind in KINDS.values()], [kind.zh for kind in KINDS.values()]):
        assert len(texts) == len(set(texts))


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        ("record.create record.update record.correct record.delete record.undelete consent.give", CHANGES),
        ("record.read record.list record.search record.scan record.export log.read", ACCESSES),
        ("access.deny user.sign_in config.apply plugin.enable plugin.fail role.grant alert.raise", SECURITY),
        (
            "erasure.begin erasure.done part.expire log.dispose log.continue log.checkpoint key.rotate",
            EVIDENCE,
        ),
    ],
)
def test_details_are_kept_under_the_rule_that_the_design_names(names: str, rule: int) -> None:
    """What covers a gap is kept with the log; the rest by what it tells."""
    assert {rule} == {KINDS[name].rule for name in names.split()}


DETAIL: dict[str, Any] = {
    "op": "00" * 16,
    "kind": "record.read",
    "time": "2026-03-01T09:30:00.000001Z",
    "actor": {"id": "li.na", "roles": ["editor"], "on_behalf_of": "wang.wei"},
    "auth": "passkey",
    "source": {"program": "serve", "address": "192.0.2.7", "session": "a1"},
    "purpose": "ServiceProvision",
    "legal_basis": "A6-1-b",
    "type": "customer",
    "count": 1,
    "outcome": "ok",
    "ruleset": "A" * 43 + "=",
    "reason": "A" * 43 + "=",
    "records": ["A" * 43 + "="],
    "sets": [{"personal": {"clear": ["full_name"], "masked": ["phone"]}}],
    "approval": {"id": 7, "by": ["chen.jie"], "made_by": ["li.na"]},
    "break_glass": {"expires": "2026-03-01T10:30:00.000000Z"},
    "plugin": {"name": "clinic", "version": "1.2"},
    "target": {"where": ["email"], "size": 12, "deleted": True},
}


def _validator(part: str | None = None) -> jsonschema.Draft202012Validator:
    schema = SCHEMA if part is None else {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_of_details_is_a_schema() -> None:
    """It validates under its own dialect, and a detail with every member passes."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    _validator().validate(DETAIL)
    least = {name: DETAIL[name] for name in SCHEMA["required"]}
    _validator().validate(least)
    unused = SCHEMA["properties"].keys() - DETAIL.keys()
    assert {"effective", "recipient", "code"} == unused


def test_details_and_lines_of_the_vectors_pass() -> None:
    """What the vectors hold is what the schema describes."""
    vectors = json.loads((SCHEMAS / "vectors" / "log.json").read_text(encoding="utf-8"))
    for opening in vectors["details"]["openings"]:
        _validator().validate(json.loads(opening["detail"]))
        for line in opening["lines"]:
            _validator("line").validate(json.loads(line["line"]))


@pytest.mark.parametrize(
    "change",
    [
        {"note": "the customer was angry"},
        {"outcome": "maybe"},
        {"auth": "trust me"},
        {"time": "2026-03-01"},
        {"reason": "the customer was angry"},
        {"records": []},
        {"sets": [{"secret": {"clear": ["x"]}}]},
        {"sets": [{"personal": {"shown": ["x"]}}]},
        {"target": {"records": ["x"]}},
        {"target": {"nested": {"x": 1}}},
        {"count": -1},
        {"actor": {"roles": ["editor"]}},
    ],
)
def test_what_a_detail_may_not_hold_is_refused(change: dict[str, Any]) -> None:
    """Free text where a hash belongs, other members, nested targets."""
    with pytest.raises(jsonschema.ValidationError):
        _validator().validate(DETAIL | change)


def test_every_code_of_the_log_has_its_texts() -> None:
    """Each code that the package raises stands in the catalogue, in both languages, and no other."""
    used = set()
    for file in PACKAGE.glob("*.py"):
        used |= set(re.findall(r'Error\(\s*"(log\.[a-z_]+)"', file.read_text(encoding="utf-8")))
    catalogue = tomllib.loads((ROOT / "core/muniment/messages/log.toml").read_text(encoding="utf-8"))
    assert set() == used - catalogue.keys()
    for code, texts in catalogue.items():
        assert {"en", "zh", "hint_en", "hint_zh"} == texts.keys()
        assert all(texts.values()), code
        for lang in ("en", "zh"):
            names = set(re.findall(r"\{(\w+)[:}]", texts["en"] + texts["hint_en"]))
            assert names == set(re.findall(r"\{(\w+)[:}]", texts[lang] + texts[f"hint_{lang}"]))
            assert "{" not in "".join(text_of(code, lang))


def test_the_log_without_signatures_needs_no_cryptography() -> None:
    """Every module can be imported, and entries checked, without loading cryptography."""
    modules = ", ".join(f"muniment.log.{file.stem}" for file in PACKAGE.glob("[a-z]*.py"))
    program = f"import sys, {modules}; print('cryptography' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False" == run.stdout.strip()
