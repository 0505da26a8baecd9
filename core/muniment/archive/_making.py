"""Archives are made beside their place and moved there whole, and opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import attrs

from muniment import config
from muniment.archive._opened import Archive
from muniment.archive._places import DATABASE, RESTORING, default_key_file
from muniment.errors import ConfigError, KeyStoreError, StoreError
from muniment.files import sync_folder, write_atomically
from muniment.keys import KeyFile, KeyStore, RecoveryPhrase, Root, new_phrase, write_key_file
from muniment.model import Clock, Random, Uuid7, id_text, system_clock
from muniment.plugins import load, needed
from muniment.schema.registry import Registry
from muniment.schema.template import Template, load_template
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Logbook
from muniment.session.writing.applying import (
    kinds_of,
    with_plugins,
    with_roles,
)
from muniment.stores.sqlite import SqliteStore

__all__ = ["Created", "create", "open"]


@attrs.frozen
class Created:
    """What making an archive gives.

    Attributes:
        archive: opened.
        key_file: where the first root lies; None if another root was given.
        recovery_phrase: shown once, opens the archive when the key file is lost.
        verifier_key: checks the log's checkpoints.
    """

    archive: Archive
    key_file: Path | None
    recovery_phrase: str | None
    verifier_key: str


def create(
    folder: str | Path,
    *,
    templates: Sequence[str | Template] = (),
    plugins: Sequence[str] = (),
    root: Root | None = None,
    key_file: Path | None = None,
    recovery: bool = True,
    name: str = "",
    origin: str = "",
    language: str = "en",
    region: str = "",
    timezone: str = "UTC",
    currency: str = "",
    clock: Clock = system_clock,
    random: Random = os.urandom,
) -> Created:
    """Make an archive in a new folder, with a user ``owner`` and two ways to open its keys.

    Args:
        folder: must be empty or not there.
        templates: names of packaged templates, or templates.
        plugins: names of plugins to enable; those that they need are enabled too.
        root: the first root; by default a key file in the user's configuration folder.
        key_file: another place for that key file; whoever opens the archive then names it.
        recovery: make a recovery phrase as the second root.
        name: what people call the archive.
        origin: of the log, without shard and generation; by default ``muniment/<archive id>``.
        language: ``en`` or ``zh``.
        region: two letters, ISO 3166-1, for phone numbers without a country.
        timezone: IANA name, for times without a zone.
        currency: ISO 4217, for amounts without one.
        clock: for tests.
        random: for tests.

    Raises:
        ConfigError: ``config.folder_used``, ``config.folder_mounted`` (a new archive is moved to its
            place whole, and nothing moves onto a mount), or something in a template or plugin is wrong.
    """
    path = Path(folder)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError("config.folder_used", where=str(path))
    if path.is_mount():
        raise ConfigError("config.folder_mounted", where=str(path))
    identifier = Uuid7(clock, random=random)()
    # What can be wrong with the request is found before anything is made.
    plugins = needed(plugins)
    enabled = with_roles(load(plugins))
    for why in enabled.quarantined.values():
        raise why
    kinds, shipped = kinds_of(enabled), enabled.templates()
    chosen = [
        one
        if isinstance(one, Template)
        else shipped.get(one) or load_template(one, kinds=kinds, beside=shipped)
        for one in templates
    ]
    with_plugins(Registry(), enabled, enabled=plugins, fresh=plugins, templates=chosen)
    text = config.starting_text(
        identifier=id_text(identifier),
        name=name,
        origin=origin,
        language=language,
        region=region,
        timezone=timezone,
        currency=currency,
        plugins=tuple(plugins),
    )
    settings = config.parse(text, where=config.FILE_NAME)
    # Made beside its place and moved there whole: what an interrupted start leaves is no archive.
    making = path.with_name(f".{path.name}.making")
    try:
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(mode=0o700, parents=True)
    except OSError:
        raise StoreError("store.cannot_open", where=str(path)) from None
    key_path: Path | None = None
    if root is None:
        key_path = default_key_file(identifier) if key_file is None else key_file
        key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = write_key_file(key_path, identifier, random=random)
    roots: list[Root] = [root]
    phrase: str | None = None
    if recovery:
        phrase = new_phrase(lang=language, random=random)
        roots.append(RecoveryPhrase(phrase))
    keys = KeyStore.create(making, identifier, roots=roots, clock=clock, random=random)
    (making / "files").mkdir(mode=0o700)
    store = SqliteStore(making / DATABASE, create=True)
    book = Logbook(identifier, settings.origin, keys, clock=clock, random=random, shard=SHARD)
    key_text = book.verifier_key().text
    text = text.replace('verifier_key = ""', f'verifier_key = "{key_text}"')
    write_atomically(making / config.FILE_NAME, text.encode("utf-8"))
    settings = config.parse(text, where=config.FILE_NAME)
    with Archive(making, settings, store, keys, clock=clock, random=random) as archive:
        archive.start(chosen)
    try:
        making.replace(path)
        sync_folder(path.parent)
    except OSError:
        raise StoreError("store.cannot_write", where=str(path)) from None
    opened = open(path, root=root, clock=clock, random=random)
    return Created(opened, key_path, phrase, key_text)


def open(
    folder: str | Path,
    *,
    root: Root | None = None,
    clock: Clock = system_clock,
    random: Random = os.urandom,
    plugins: bool = True,
) -> Archive:
    """Open an archive.

    Args:
        folder: where it lies.
        root: opens the keys; by default the key file where ``create`` put it.
        clock: for tests.
        random: for tests.
        plugins: load the enabled plugins; without them no line of theirs is run, and nothing that they
            guard can be written.

    Raises:
        ConfigError, StoreError, KeyStoreError: it cannot be opened; the code says why.
    """
    path = Path(folder)
    settings = config.read(path)
    if root is None:
        key_path = default_key_file(settings.archive)
        if not key_path.is_file():
            raise KeyStoreError("key.no_key_file", where=str(key_path))
        root = KeyFile(key_path)
    if (path / RESTORING).exists():
        from muniment.archive._restoring import settle

        with KeyStore.open(path, settings.archive, root, clock=clock, random=random) as keys:
            settle(path, keys, settings, clock=clock)
    store = SqliteStore(path / DATABASE)
    try:
        keys = KeyStore.open(path, settings.archive, root, clock=clock, random=random)
        try:
            return Archive(path, settings, store, keys, clock=clock, random=random, plugins=plugins)
        except BaseException:
            keys.close()
            raise
    except BaseException:
        store.close()
        raise
