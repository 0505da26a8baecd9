"""Record types, fields, templates, roles, purposes and rules of plugins: taken in, joined, refused."""

from __future__ import annotations

import pytest

import muniment
from muniment import plugins
from muniment.errors import AccessDenied, ConfigError, PluginError
from muniment.plugins import RetentionRule, RetentionTerm
from muniment.schema import Extension, Field, Label, Registry, load_template
from muniment.testing import new_archive

PARTS = """
    from muniment.plugins import Purpose, RetentionRule
    from muniment.policy import Role
    from muniment.schema import Choice, Field, Label, LayoutGroup, RecordType, Template, parse_template

    STAY = RecordType(key="stay", label=Label("Stay", "住院"), subject=("patient",),
        groups=(LayoutGroup("main", Label("Stay", "住院"), "stay"),),
        fields=(Field(key="patient", kind="reference", target="customer", label=Label("Patient", "患者"),
                      group="main", required=True),
                Field(key="admitted", kind="date", label=Label("Admitted", "入院"), group="main"),))
    RULE = RetentionRule(id="L-1", effect="MIN", category="stay", source="Law 1", minimum="P10Y",
                         anchor="admitted")
    NURSE = Role("nurse", {"en": "Nurse", "zh": "护士"}, frozenset({"record.read", "schema.read"}),
                 {"internal": "clear"})
"""

WHOLE = (
    PARTS
    + """
    @muniment.hookimpl
    def muniment_record_types(): return [STAY]
    @muniment.hookimpl
    def muniment_retention_rules(record_type): return [RULE] if record_type == "stay" else []
    @muniment.hookimpl
    def muniment_roles(): return [NURSE]
    @muniment.hookimpl
    def muniment_purposes(): return [Purpose("ServiceProvision", Label("Service provision", "提供服务"))]
    @muniment.hookimpl
    def muniment_fields(record_type):
        if record_type == "customer":
            return [Field(key="phone", kind="phone", label=Label("", ""), group="", sensitivity="sensitive",
                          aliases=("Rufnummer",)),
                    Field(key="insurer", kind="text", label=Label("Insurer", "保险公司"), group="personal")]
    @muniment.hookimpl
    def muniment_templates(kinds):
        assert "iban" in kinds
        return [parse_template('''
            format = 1
            key = "wards"
            label = { en = "Wards", zh = "病房" }
            [[type]]
            key = "ward"
            label = { en = "Ward", zh = "病房" }
            subject = "none"
            [[type.group]]
            key = "main"
            label = { en = "Ward", zh = "病房" }
            category = "ward"
            [[type.group.field]]
            key = "name"
            label = { en = "Name", zh = "名称" }
            kind = "text"
            class = "internal"
        ''', where="wards.toml", kinds=kinds)]
"""
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("MUNIMENT_LOAD_PLUGINS", raising=False)
    return tmp_path / "archive"


def _why(name: str, *others: str) -> PluginError:
    found = plugins.load([name, *others], environ={})
    return found.for_types(load_template("customer-info").types).quarantined[name]


def test_everything_a_plugin_declares_is_in_force(folder, install):
    """From a new archive on: types, fields, a refined class, a template, a rule, a role, a purpose."""
    install("clinic", WHOLE)
    with new_archive(folder, plugins=["identifiers", "clinic"]) as archive:
        with archive.session(actor="owner") as session:
            stay, customer = session.type("stay"), session.type("customer")
            assert ("clinic", 256 <= stay.number) == (stay.plugin, True)
            assert {"clinic"} == {field.plugin for field in stay.fields}
            assert "stay" == stay.by_key["admitted"].category
            phone, insurer = customer.by_key["phone"], customer.by_key["insurer"]
            assert ("sensitive", "", "Phone") == (phone.sensitivity, phone.plugin, phone.label.en)
            assert "Rufnummer" in phone.aliases
            assert ("clinic", "profile") == (insurer.plugin, insurer.category)
            anna = session.create("customer", {"full_name": "Anna", "insurer": "A", "phone": "030 23125001"})
            session.create("stay", {"patient": anna.id, "admitted": "2026-01-02"})
            archive.apply_templates(session, [archive.plugins.templates()["wards"]], reason=None)
            session.create("ward", {"name": "North"})
        assert {"stay": ("L-1",)} == {
            key: tuple(rule.id for rule in rules) for key, rules in archive.plugins.retention_rules().items()
        }
        assert "nurse" in archive.engine.policy.roles
        assert "提供服务" == archive.plugins.purposes()["ServiceProvision"].label.zh
        archive.log.verify()
    kinds = [one["kind"] for one in _kinds(folder)]
    assert {"plugin.enable", "config.apply", "schema.apply"} <= set(kinds)


def _kinds(folder):
    from muniment.testing import log_entries, open_again

    with open_again(folder) as archive:
        return [{"kind": entry.kind} for entry in log_entries(archive)]


def test_a_role_of_a_plugin_binds(folder, install):
    """Whoever has it may do what it says and nothing else."""
    install("clinic", WHOLE)
    with new_archive(folder, plugins=["identifiers", "clinic"]) as archive:
        with archive.session(actor="owner") as session:
            from muniment.session import Change

            values = {"login": "nora", "roles": ["nurse"], "state": "active"}
            session.write([Change("create", "user", values=values)])
        with archive.session(actor="nora") as session, pytest.raises(AccessDenied, match=r"access\.action"):
            session.create("customer", {"full_name": "Anna"})


def test_a_template_applied_later_gets_what_plugins_add(folder, install):
    """The order in which a team enables and applies makes no difference."""
    install("clinic", WHOLE)
    with new_archive(folder, templates=[], plugins=()) as archive:
        path = archive.folder / "muniment.toml"
        fields_only = WHOLE.replace(
            "def muniment_record_types(): return [STAY]", "def muniment_record_types(): return []"
        )
        install("wards", fields_only, distribution="muniment-wards")
        path.write_text(path.read_text().replace("enabled = []", 'enabled = ["identifiers", "wards"]'))
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="x")
            archive.apply_templates(session, [load_template("customer-info")], reason="x")
            before = session.type("customer")
            assert ("wards", "sensitive") == (
                before.by_key["insurer"].plugin,
                before.by_key["phone"].sensitivity,
            )
            archive.apply_templates(session, [load_template("customer-info")], reason="again")
            assert before == session.type("customer")


def test_the_ruleset_changes_with_a_rule_a_role_or_a_purpose(folder, install):
    """The digest in each entry stands for all that decides."""
    seen = set()
    for place, (old, new) in enumerate(
        [("P10Y", "P10Y"), ("P10Y", "P11Y"), ('"record.read", ', ""), ('"ServiceProvision"', '"Marketing"')]
    ):
        source = WHOLE.replace(old, new)
        install(f"clinic{place}", source, distribution=f"muniment-clinic{place}")
        target = folder.with_name(f"archive{place}")
        with new_archive(target, plugins=["identifiers", f"clinic{place}"]) as archive:
            archive.engine.refresh()
            from muniment.session.writing.applying import rules_document

            seen.add(str(rules_document(archive.plugins, archive.engine.policy)))
    assert 4 == len(seen)


@pytest.mark.parametrize(
    ("hook", "code"),
    [
        ("muniment_record_types(): return [STAY]", "plugin.record_type"),
        ("muniment_roles(): return [NURSE]", "plugin.role"),
        ("muniment_fields(record_type): return [Field(key='ward', kind='text', label=Label('W', '房'),"
         " group='personal')] if record_type == 'customer' else []", "plugin.field"),
        ("muniment_retention_rules(record_type): return [RULE] if record_type == 'customer' else []",
         "plugin.rule"),
        ("muniment_templates(): return [Template('w', Label('W', '房'))]", "plugin.template"),
    ],
)  # fmt: skip
def test_two_plugins_that_bring_the_same_are_both_put_aside(install, hook, code):
    """Each is told with the other's name, its file and its line."""
    for name in ("clinic", "hospital"):
        path = install(name, PARTS + f"    @muniment.hookimpl\n    def {hook}\n")
    why = _why("hospital", "clinic")
    assert (code, "clinic", str(path)) == (why.code, why.parameters["other"], why.parameters["file"])
    assert "hospital" == _why("clinic", "hospital").parameters["other"]
    assert "hospital" in why.text()
    assert "line" in why.text()


@pytest.mark.parametrize(
    ("hook", "code"),
    [
        ("muniment_record_types(): return [attrs.evolve(STAY, key='user')]", "plugin.record_type"),
        ("muniment_record_types(): return [attrs.evolve(STAY, key='Stay!')]", "plugin.declares"),
        ("muniment_record_types(): return STAY", "plugin.result_at"),
        ("muniment_templates(kinds): return [parse_template('', where='w')]", "plugin.declares"),
        ("muniment_templates(): return ['wards']", "plugin.result_at"),
        ("muniment_roles(): return [5]", "plugin.declares"),
        ("muniment_purposes(): return [Purpose('X', Label('X', ''))]", "plugin.declares"),
        ("muniment_fields(record_type): return [5]", "plugin.result_at"),
        ("muniment_fields(record_type): return 5", "plugin.result_at"),
        ("muniment_retention_rules(record_type): return [RULE, RULE]", "plugin.declares"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(install, hook, code):
    """When the plugin is loaded, not when somebody writes."""
    path = install(
        "clinic", "import attrs\n" + PARTS.replace("\n    ", "\n") + f"\n@muniment.hookimpl\ndef {hook}\n"
    )
    why = _why("clinic")
    assert (code, str(path)) == (why.code, why.parameters["file"])


def test_a_role_of_the_core_is_not_replaced(folder, install):
    """Nobody becomes an owner by installing something."""
    install("clinic", PARTS + "    import attrs\n    @muniment.hookimpl\n"
            "    def muniment_roles(): return [attrs.evolve(NURSE, key='owner')]\n")  # fmt: skip
    with pytest.raises(PluginError, match=r"plugin\.role"):
        muniment.create(folder, plugins=["clinic"], recovery=False)


def test_two_may_refine_one_field_of_a_template():
    """The higher class counts, and what each adds is there."""
    registry = Registry().apply([load_template("customer-info")]).registry
    asked = [
        Extension("one", "customer", (Field(key="phone", kind="phone", group="", aliases=("Tel A",)),)),
        Extension("two", "customer", (Field(key="phone", kind="phone", group="", sensitivity="restricted"),)),
    ]
    for order in (asked, asked[::-1]):
        made = registry.extend(order)
        phone = made.registry.by_key["customer"].by_key["phone"]
        assert ("restricted", "") == (phone.sensitivity, phone.plugin)
        assert "Tel A" in phone.aliases
        assert registry.by_key["customer"].by_key["phone"].number == phone.number
        assert not made.registry.extend(order).changed


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (Field(key="phone", kind="text", group=""), "schema.collision"),
        (Field(key="phone", kind="phone", group="", sensitivity="public"), "schema.class_lowered"),
        (Field(key="ward", kind="text", label=Label("W", "房"), group="nowhere"), "schema.unknown"),
        (Field(key="ward", kind="nothing", label=Label("W", "房"), group="personal"), "schema.unknown"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(field, code):
    """Another kind, a lower class, no such group or kind; the plugin is named where there is one."""
    registry = Registry().apply([load_template("customer-info")]).registry
    with pytest.raises(ConfigError) as caught:
        registry.extend([Extension("clinic", "customer", (field,))])
    assert caught.value.code.startswith(code)


def test_a_plugins_own_field_follows_it():
    """A new statement of it changes label and help; the number and the team's own changes stay."""
    registry = Registry().apply([load_template("customer-info")]).registry
    first = Field(key="ward", kind="text", label=Label("Ward", "病房"), group="personal")
    second = Field(key="ward", kind="text", label=Label("Room", "房间"), group="personal")
    made = registry.extend([Extension("clinic", "customer", (first,))])
    later = made.registry.extend([Extension("clinic", "customer", (second,))])
    old, new = (one.registry.by_key["customer"].by_key["ward"] for one in (made, later))
    assert (old.number, "Room", "profile") == (new.number, new.label.en, new.category)
    with pytest.raises(ConfigError) as caught:
        later.registry.extend([Extension("hospital", "customer", (first,))])
    assert ("clinic", "hospital") == (caught.value.parameters["first"], caught.value.parameters["second"])


def test_suspending_is_one_version_and_comes_back():
    """Fields of plugins that are not enabled take nothing; what the team and templates have is untouched."""
    registry = Registry().apply([load_template("customer-info")]).registry
    field = Field(key="ward", kind="text", label=Label("Ward", "病房"), group="personal", required=True)
    before = registry.extend([Extension("clinic", "customer", (field,))]).registry
    off = before.suspend(())
    (changed,) = off.changed
    assert before.by_key["customer"].definition_version + 1 == changed.definition_version
    assert {"ward"} == {one.key for one in changed.fields if one.suspended}
    assert "ward" not in changed.required
    assert not off.registry.suspend(()).changed
    on = off.registry.suspend(("clinic",)).registry.by_key["customer"]
    assert before.by_key["customer"].fields == on.fields
    assert ["ward"] == [one.item for one in off.changes]
    assert "suspended" in off.changes[0].text()
    assert "停用" in off.changes[0].text("zh")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"minimum": "PERMANENT"}, ""),
        ({"minimum": "P18M"}, ""),
        ({"minimum": "", "modifiers": "as long as the file"}, ""),
        ({"effect": "REC", "minimum": ""}, ""),
        ({"terms": (RetentionTerm(anchor="born", period="P28Y"),), "combine": "later_of"}, ""),
        ({"id": " "}, "id"),
        ({"effect": "min"}, "effect"),
        ({"source": ""}, "source"),
        ({"category": ""}, "category"),
        ({"minimum": "10 years"}, "period"),
        ({"minimum": "P"}, "period"),
        ({"minimum": ""}, "period"),
        ({"effect": "MIN+MAX"}, "period"),
        ({"combine": "later_of"}, "combine"),
        ({"terms": (RetentionTerm(anchor="born", period="P28Y"),)}, "combine"),
        ({"terms": (RetentionTerm(anchor="", period="P28Y"),), "combine": "later_of"}, "terms"),
        ({"round_up": "month"}, "round_up"),
        ({"in_force_from": "2006"}, "in_force_from"),
    ],
)
def test_a_rule_says_what_is_wrong_with_it(changes, problem):
    """The name of the attribute, and nothing where the rule is sound."""
    rule = {"id": "A", "effect": "MIN", "category": "c", "source": "Law 1", "minimum": "P10Y", **changes}
    assert problem == RetentionRule(**rule).problem()


def test_a_rule_follows_a_category_whoever_brings_its_fields(folder, install):
    """It is told the category of every field, of what other plugins add as well."""
    install("clinic", WHOLE)
    install(
        "law",
        """
        from muniment.plugins import RetentionRule
        @muniment.hookimpl
        def muniment_retention_rules(fields):
            return [RetentionRule(id="L-9", effect="MIN", category=one, source="Law 9", minimum="P1Y",
                                  anchor="record.created")
                    for one in sorted(set(fields.values()) & {"stay", "profile"})]
        """,
        distribution="muniment-law",
    )
    with new_archive(folder, plugins=["identifiers", "clinic", "law"]) as archive:
        found = archive.plugins.retention_rules()
        assert ["L-1", "L-9"] == [rule.id for rule in found["stay"]]
        assert ["profile"] == [rule.category for rule in found["customer"]]


def test_the_templates_of_a_plugin_are_listed_where_it_is_enabled(folder, install, monkeypatch):
    """Beside the packaged ones; where there is no archive those alone."""
    from click.testing import CliRunner

    from muniment.cli.app import app

    install("clinic", WHOLE)
    with new_archive(folder, plugins=["identifiers", "clinic"]):
        pass
    listed = CliRunner().invoke(app, ["--archive", str(folder), "--lang", "zh", "template", "list"])
    assert (0, True) == (listed.exit_code, "病房" in listed.stdout)
    shown = CliRunner().invoke(app, ["--archive", str(folder), "template", "show", "wards"])
    assert (0, True) == (shown.exit_code, "Ward" in shown.stdout)
    elsewhere = CliRunner().invoke(app, ["--archive", str(folder.with_name("no")), "template", "list"])
    assert (0, False) == (elsewhere.exit_code, "wards" in elsewhere.stdout)
