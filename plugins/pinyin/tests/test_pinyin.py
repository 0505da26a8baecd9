"""Names by Pinyin: what is found, what is not, and that nothing of it lies in clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.testing import assert_conforms, assert_no_plaintext
from muniment_pinyin import terms_of


@pytest.fixture
def archive_options():
    """An archive with the plugin."""
    return {"plugins": ["pinyin"], "region": "CN"}


def test_it_keeps_the_promises_of_every_plugin():
    """Total, deterministic, quiet about values."""
    assert_conforms("pinyin")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("王芳", {"wangfang", "wang", "fang", "wf"}),
        ("欧阳 修", {"ouyang", "oy", "ou", "yang", "xiu"}),
        ("吕布", {"lvbu", "lb"}),
        ("Anna Schmidt", set()),
        ("", set()),
    ],
)
def test_the_words_of_a_name(name, words):
    """Whole, by syllable, by initials; ü is typed as v."""
    assert words <= set(terms_of(name))
    assert bool(words) == bool(set(terms_of(name)))


@given(st.text(max_size=30))
def test_words_are_plain_and_the_same_each_time(text):
    """Small Latin letters alone, and not more than a name can have."""
    found = list(terms_of(text))
    assert found == list(terms_of(text))
    assert all(one.isascii() and one.isalpha() and one.islower() for one in found)
    assert len(found) <= 400


def test_a_customer_is_found_by_pinyin(archive, session):
    """Whole, by a syllable or by initials; somebody else is not, and Chinese finds as before."""
    wang = session.create("customer", {"full_name": "王芳"}).id
    session.create("customer", {"full_name": "李娜"})
    for words in ("wangfang", "WangFang", "wf", "fang", "王芳", "王"):
        assert [wang] == [one.id for one in session.search("customer", words).records], words
    assert [] == session.search("customer", "wangli").records
    archive.log.verify()
    assert [] == list(session.check_data())
    assert_no_plaintext(archive.folder, ["wangfang", "王芳"])


def test_enabling_and_disabling_makes_the_index_anew(tmp_path):
    """What was written before is found by Pinyin after, and no longer when the plugin is gone."""
    from muniment.archive.editing import edit_configuration
    from muniment.testing import new_archive

    with new_archive(tmp_path / "archive", region="CN") as archive:
        session = archive.session(actor="owner", purpose="CustomerManagement")
        wang = session.create("customer", {"full_name": "王芳"}).id
        assert [] == session.search("customer", "wangfang").records
        for enabled, expected in ((["pinyin"], [wang]), ([], [])):

            def edit(document, enabled=enabled):
                document["plugins"]["enabled"] = enabled

            edit_configuration(archive, session, edit, reason="names")
            session = archive.session(actor="owner", purpose="CustomerManagement")
            assert expected == [one.id for one in session.search("customer", "wangfang").records]
            assert [] == list(session.check_data())


def test_a_plugin_that_fails_refuses_and_says_nothing_of_the_value(archive, session, monkeypatch):
    """The exception's own words could hold a name."""
    import attrs

    from muniment.errors import PluginError
    from muniment.plugins import SearchTerms

    def fail(text):
        raise ValueError(text)

    (plugin,) = archive.plugins.loaded
    broken = attrs.evolve(plugin, search_terms=(SearchTerms(1, fail),))
    archive.engine.plugins = attrs.evolve(archive.plugins, loaded=(broken,))
    archive.engine.indexes.clear()
    with pytest.raises(PluginError) as caught:
        session.create("customer", {"full_name": "王芳"})
    assert "plugin.raised" == caught.value.code
    assert "王芳" not in caught.value.text("en") + caught.value.text("zh")
