"""Tokens from the command line: printed once, listed to whom they concern, taken back."""

from __future__ import annotations

import pytest

from muniment.model import SCOPES


def test_a_token_alone_goes_to_standard_output(cli):
    """What a shell keeps of ``token add`` is the token and nothing else; the words about it go elsewhere."""
    made = cli.run("token", "add", "nightly", "--scope", "read", "--scope", "log", "--days", "9")
    (text,) = made.stdout.splitlines()
    (one,) = cli.json("token", "list")["tokens"]
    assert ("owner", "nightly", ["read", "log"]) == (one["login"], one["name"], one["scopes"])
    assert one["id"] in made.stderr
    assert text not in made.stderr
    assert text not in cli.run("token", "list").stdout


def test_a_token_is_an_entry_when_it_is_made_and_when_it_is_taken_back(cli):
    """The log says which token, whose, and for what; never its text."""
    (one,) = cli.json("token", "add", "x")["tokens"]
    assert ["read"] == one["scopes"]
    cli.run("token", "revoke", one["id"])
    assert "sign.no_token" == cli.json("token", "revoke", one["id"], code=1)["code"]
    entries = cli.json("log", "list", "--kind", "token.issue", "--kind", "token.revoke")["entries"]
    assert {"token.issue", "token.revoke"} == {each["kind"] for each in entries}
    assert one["token"] not in str(entries)
    assert one["id"] in str(entries)


def test_everybody_sees_their_own_tokens_and_who_reads_users_sees_all(cli):
    """A reader sees and takes back what is theirs, and is not told of others; an owner what is anybody's."""
    mine = cli.json("--as", "reader", "token", "add", "mine")["tokens"][0]["id"]
    other = cli.json("token", "add", "other")["tokens"][0]["id"]
    assert [mine] == [one["id"] for one in cli.json("--as", "reader", "token", "list")["tokens"]]
    assert {mine, other} == {one["id"] for one in cli.json("token", "list")["tokens"]}
    assert "sign.no_token" == cli.json("--as", "reader", "token", "revoke", other, code=1)["code"]
    assert {mine, other} == {one["id"] for one in cli.json("token", "list")["tokens"]}
    cli.run("token", "revoke", mine)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("",), "sign.token_name"),
        (("n" * 101,), "sign.token_name"),
        (("a\nb",), "sign.token_name"),
        (("a\x1b[31mb",), "sign.token_name"),
        (("a\u202eb",), "sign.token_name"),
        (("x", "--days", "0"), "cli.bad_value"),
        (("x", "--days", "367"), "cli.bad_value"),
        (("x", "--scope", "all"), "cli.choice"),
    ],
)
def test_a_token_for_what_there_is_not_is_refused(cli, words, code):
    """A name, scopes that there are, and an end within a year."""
    assert code == cli.json("token", "add", *words, code=2)["code"]
    assert [] == cli.json("token", "list")["tokens"]


def test_the_command_offers_every_scope(cli):
    """A scope that is added can be asked for here too."""
    words = [word for scope in SCOPES for word in ("--scope", scope)]
    assert [*SCOPES] == cli.json("token", "add", "x", *words)["tokens"][0]["scopes"]
