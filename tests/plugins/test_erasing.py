"""Plugins around an erasure: one may refuse it, all are told of it, none sees a value."""

from __future__ import annotations

import sys

import pytest

import muniment
from muniment.errors import AccessDenied, NotFound, PluginError
from muniment.testing import log_entries, new_archive, open_again

KEEPER = """
    from muniment.errors import Issue
    SEEN = []
    TOLD = []
    ANSWER = []
    @muniment.hookimpl
    def muniment_plugin_info():
        return PluginInfo("keeper", ">=1,<2", messages={
            "keeper.on_its_way": {"en": "Goods are on their way.", "zh": "货物在途。"}})
    @muniment.hookimpl
    def muniment_before_erase(subject_id, plan, context):
        SEEN.append((subject_id, plan, context))
        if ANSWER and isinstance(ANSWER[0], BaseException):
            raise ANSWER[0]
        return ANSWER or None
    @muniment.hookimpl
    def muniment_after_erase(certificate):
        TOLD.append(certificate)
        if len(TOLD) == 1:
            raise ValueError("Annabella")
"""
HEAD = "import muniment\nfrom muniment.plugins import PluginInfo\n"
OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


@pytest.fixture
def keeper(install, tmp_path, monkeypatch):
    """An archive with Anna, her order, Bert and a plugin that looks at erasures."""
    from textwrap import dedent

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    install("keeper", HEAD + dedent(KEEPER), good=False)
    options = {"templates": ["customer-info", "ecommerce"], "plugins": ["keeper"]}
    with new_archive(tmp_path / "archive", **options) as archive, archive.session(**OWNER) as session:
        anna = session.create("customer", {"full_name": "Annabella Schmidt", "phone": "030 1234567"}).id
        bert = session.create("customer", {"full_name": "Berthold Klein"}).id
        order = {"customer": anna, "order_number": "SO-1", "ordered_at": "2025-06-01T10:00:00Z"}
        session.create("order", order)
        yield archive, session, anna, bert, sys.modules["muniment_keeper_installed"]


def test_it_is_asked_once_about_each_subject_and_sees_no_value(keeper):
    """Identifiers, names, counts; in one act for all."""
    _, session, anna, bert, plugin = keeper
    session.erasures.subjects([anna, bert], reason="both asked")
    assert {anna, bert} == {subject for subject, _, _ in plugin.SEEN}
    assert 2 == len(plugin.SEEN)
    plan = next(plan for subject, plan, _ in plugin.SEEN if subject == anna)
    (target,) = plan.targets
    assert ("request", "subject", anna, "customer", 2) == (
        plan.cause, target.scope, target.subject, target.type, target.records,
    )  # fmt: skip
    assert {("owner", "erase")} == {(one.actor, one.operation) for _, _, one in plugin.SEEN}
    assert not any(word in repr((plugin.SEEN, plugin.TOLD)) for word in ("Annabella", "1234567", "SO-1"))


def test_an_issue_refuses_it_and_the_log_says_who(keeper):
    """Nothing is begun; the error is in the plugin's words, in both languages."""
    archive, session, anna, bert, plugin = keeper
    plugin.ANSWER[:] = [muniment.errors.Issue("keeper.on_its_way")]
    with pytest.raises(AccessDenied) as caught:
        session.erase(anna, reason="asked")
    assert "Goods are on their way." in caught.value.text()
    assert "货物在途" in caught.value.text("zh")
    entry = log_entries(archive)[-1]
    assert ("erasure.refuse", "denied", "keeper.on_its_way", "keeper") == (
        entry.kind, entry.detail["outcome"], entry.detail["code"], entry.detail["plugin"]["name"],
    )  # fmt: skip
    assert session.get(anna).fields["full_name"]
    plugin.ANSWER[:] = [muniment.errors.Issue("keeper.on_its_way", severity="warning")]
    session.erase(anna, reason="asked")
    with pytest.raises(NotFound):
        session.get(anna)
    assert [] == [one for one in plugin.TOLD if bert in repr(one)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(ValueError("Annabella"), "plugin.raised"), (5, "plugin.result"),
     (muniment.errors.Issue("keeper.unheard"), "plugin.unknown_code")],
)  # fmt: skip
def test_what_is_not_understood_is_no_permission(keeper, answer, code):
    """It refuses with the plugin's name, and tells nothing of what the exception said."""
    archive, session, anna, _, plugin = keeper
    plugin.ANSWER[:] = [answer]
    with pytest.raises(PluginError) as caught:
        session.erase(anna, reason="asked")
    assert code == caught.value.code
    assert "Annabella" not in repr(caught.value) + caught.value.text() + str(log_entries(archive)[-1].detail)
    assert session.get(anna).fields


def test_all_are_told_once_when_it_is_done(keeper):
    """With what went; whoever fails there hinders nobody, and is written down."""
    archive, session, anna, bert, plugin = keeper
    done = session.erase(anna, reason="asked")
    (told,) = plugin.TOLD
    assert (done.id, "request", done.certificate["done"]) == (told.id, told.cause, told.done)
    assert [anna] == [one.subject for one in told.targets]
    entry = log_entries(archive)[-1]
    assert ("plugin.fail", "muniment_after_erase") == (entry.kind, entry.detail["target"]["hook"])
    session.erasures.record(bert, category="profile", reason="wrong")
    assert [("category", bert, "profile")] == [
        (one.scope, one.subject, one.category) for one in plugin.TOLD[1].targets
    ]
    archive.log.verify()


@pytest.mark.parametrize("step", ["begun", "destroyed", "disposed", "rotated", "done"])
def test_an_erasure_that_was_cut_short_is_told_of_once(keeper, step):
    """By the process that finishes it, and nobody is asked again."""
    archive, session, anna, _, plugin = keeper

    class Cut(Exception):
        pass

    def stop(name):
        if name == step:
            raise Cut

    archive.engine.step = stop
    with pytest.raises(Cut):
        session.erase(anna, reason="asked")
    archive.engine.step = lambda name: None
    assert [] == plugin.TOLD
    archive.close()
    with open_again(archive.folder, clock=archive.engine.clock) as again:
        assert [anna] == [one.record for told in plugin.TOLD for one in told.targets]
        assert "request" == plugin.TOLD[0].cause
        assert 1 == len(plugin.SEEN)
        assert 0 == again.log.verify().unfinished
    with open_again(archive.folder, clock=archive.engine.clock):
        assert 1 == len(plugin.TOLD)


def test_an_erasure_needs_no_plugin_that_is_gone(keeper, monkeypatch):
    """Data outlives its plugin and can be erased without it."""
    archive, _, anna, _, _ = keeper
    archive.close()
    monkeypatch.setenv("MUNIMENT_LOAD_PLUGINS", "")
    with open_again(archive.folder, clock=archive.engine.clock) as again, again.session(**OWNER) as session:
        assert "plugin.left_out" == again.plugins.quarantined["keeper"].code
        assert 1 == session.erase(anna, reason="asked").targets
        assert 0 == again.log.verify().unfinished
