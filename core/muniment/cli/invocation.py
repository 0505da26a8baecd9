"""What one call was told for all its parts: which archive, who, why, which language, which key."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from muniment.errors import KeyStoreError, MunimentError, UsageError, text_of

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.config import Configuration
    from muniment.keys import Root
    from muniment.session import Session

__all__ = ["Invocation", "language_of", "names_of", "read_secret"]


def language_of(environ: Mapping[str, str]) -> str:
    """The language that the environment's locale asks for; empty where it asks for none of ours.

    Args:
        environ: of these the first that is not empty counts: ``LC_ALL``, ``LC_MESSAGES``, ``LANG``.
    """
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            start = environ[name].partition(".")[0].partition("_")[0].lower()
            return start if start in ("en", "zh") else ""
    return ""


class Invocation:
    """The global options of one call; a later place on the command line counts before an earlier one.

    Attributes:
        archive: the folder; empty leaves it to the environment and the current folder.
        actor: who acts; empty leaves it to the environment and the archive's default.
        purpose: why; likewise.
        basis: on what legal basis; empty leaves it to the environment.
        json: print one JSON document instead of text for people.
        key: a key file; empty leaves it to the environment and its usual place.
        recovery: ask for the recovery phrase and open the archive with it.
    """

    def __init__(self) -> None:
        self.archive = ""
        self.actor = ""
        self.purpose = ""
        self.basis = ""
        self.lang = ""
        self.json = False
        self.key = ""
        self.recovery = False
        self._of_archive = ""
        self._root: Root | None = None

    # Language

    @property
    def language(self) -> str:
        """``en`` or ``zh``: as asked for, else the environment's, else the archive's."""
        return self.lang or language_of(os.environ) or self._of_archive or "en"

    def say(self, code: str, /, **parameters: object) -> str:
        """A text of the catalogue in the language of this call."""
        return text_of(code, self.language, **parameters)[0]

    def words(self, *codes: str) -> list[str]:
        """Several texts of the catalogue, such as the header of a table."""
        return [self.say(code) for code in codes]

    # Opening

    def folder(self) -> Path:
        """The archive's folder.

        Raises:
            UsageError: ``cli.no_archive`` where none is named and the current folder is none.
        """
        given = self.archive or os.environ.get("MUNIMENT_ARCHIVE", "")
        if given:
            return Path(given)
        if Path("muniment.toml").is_file():
            return Path()
        raise UsageError("cli.no_archive")

    def settings(self) -> Configuration:
        """What ``muniment.toml`` says; needs no keys, and tells the archive's language."""
        from muniment import config

        found = config.read(self.folder())
        self._of_archive = found.language
        return found

    def root(self, settings: Configuration) -> Root:
        """What opens the keys: as asked for, else a passphrase in the environment, else the usual key file.

        Nobody is asked twice in one call.

        Raises:
            KeyStoreError: ``cli.no_key`` where nothing is at hand and nobody can be asked.
        """
        if self._root is None:
            self._root = self._find_root(settings)
        return self._root

    def _find_root(self, settings: Configuration) -> Root:
        from muniment.archive import default_key_file
        from muniment.keys import KeyFile, Passphrase, RecoveryPhrase

        if self.recovery:
            return RecoveryPhrase(read_secret(self.say("cli.ask_recovery"), "cli.no_answer"))
        named = self.key or os.environ.get("MUNIMENT_KEY", "")
        if named:
            return KeyFile(Path(named))
        knows = "passphrase" in self._slot_kinds(settings)
        typed = os.environ.get("MUNIMENT_PASSPHRASE", "")
        if knows and typed:
            return Passphrase(typed)
        usual = default_key_file(settings.archive)
        if usual.is_file():
            return KeyFile(usual)
        if knows and _can_ask():
            return Passphrase(read_secret(self.say("cli.ask_passphrase"), "cli.no_answer"))
        raise KeyStoreError("cli.no_key", where=str(usual))

    def _slot_kinds(self, settings: Configuration) -> set[str]:
        from muniment.keys.slots import SlotFolder

        try:
            found = SlotFolder(self.folder() / "slots", settings.archive).scan()
        except KeyStoreError:
            return set()
        return {one.file.kind for one in found if one.file is not None}

    @contextmanager
    def opened(self, *, plugins: bool = True) -> Iterator[Archive]:
        """The archive; closing it signs what was appended.

        Args:
            plugins: load the enabled plugins.
        """
        from muniment import archive as archives

        settings = self.settings()
        opened = archives.open(self.folder(), root=self.root(settings), plugins=plugins)
        self._of_archive = opened.applied.language
        try:
            yield opened
        except BaseException:
            # What went wrong first is what the caller is told.
            with suppress(MunimentError):
                opened.close()
            raise
        opened.close()

    @contextmanager
    def session(self, *, plugins: bool = True) -> Iterator[tuple[Archive, Session]]:
        """The archive with a session of whoever calls.

        Args:
            plugins: load the enabled plugins.
        """
        with self.opened(plugins=plugins) as archive:
            actor = self.actor or os.environ.get("MUNIMENT_ACTOR", "") or archive.applied.actor
            purpose = self.purpose or os.environ.get("MUNIMENT_PURPOSE", "") or None
            auth = "os-user" if actor and actor == _os_user() else "asserted"
            basis = self.basis or os.environ.get("MUNIMENT_BASIS", "") or None
            with archive.session(
                actor=actor, purpose=purpose, auth=auth, program="cli", legal_basis=basis
            ) as session:
                yield archive, session


def _os_user() -> str:
    # By the process's own number: the environment says whatever its owner likes.
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return ""


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def read_secret(question: str, code: str, *, confirm: str = "") -> str:
    """Ask for a secret without showing it; where nobody sits at a terminal, read a line.

    Args:
        question: what is asked for.
        code: of the error where there is no answer.
        confirm: asked for the same again; empty asks once.

    Raises:
        UsageError: with that code, or ``cli.answers_differ``.
    """
    import click

    if not _can_ask():
        answer = (sys.stdin.readline() if sys.stdin is not None else "").rstrip("\r\n")
    else:
        answer = str(click.prompt(question, hide_input=True, err=True, default="", show_default=False))
        if confirm and answer != click.prompt(
            confirm, hide_input=True, err=True, default="", show_default=False
        ):
            raise UsageError("cli.answers_differ")
    if not answer.strip():
        raise UsageError(code)
    return answer


def names_of(text: Sequence[str]) -> list[str]:
    """Names out of options that may be given several times or joined by commas."""
    return [name.strip() for one in text for name in one.split(",") if name.strip()]
