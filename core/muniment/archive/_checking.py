"""Verification of an archive that may not open: what its rows say, and its keys if they can be had."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

from muniment import config, verify
from muniment.archive._places import DATABASE, default_key_file
from muniment.config import Configuration
from muniment.keys import KeyFile, KeyStore, Root
from muniment.log.checkpoint import parse_verifier_key
from muniment.model import system_clock
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Logbook
from muniment.store import Reader
from muniment.stores.sqlite import SqliteStore, reader_of

__all__ = ["check", "secrets_of"]


def check(
    folder: str | Path,
    *,
    root: Root | None = None,
    trusted: Sequence[str] = (),
    key: str | None = None,
    progress: verify.Progress | None = None,
    workers: int = 1,
) -> verify.Report:
    """Verify an archive that need not open: nothing of a record is read, and no byte is changed.

    Also an archive whose definitions or configuration were altered can be
    verified, and one of which somebody has no key: then macs are not checked, and
    the report's ``signed_size`` names the first entry that nothing signed covers.

    Args:
        folder: where it lies.
        root: opens the keys; by default the key file where ``create`` put it, if it is there.
        trusted: checkpoints kept elsewhere, as signed notes.
        key: the log's verifier key from elsewhere; by default our own, or the configuration's.
        progress: told how many entries are done.
        workers: how many processes may go through a long log.

    Raises:
        IntegrityError: names the first entry or row that is not what was written.
        ConfigError, StoreError, KeyStoreError: it cannot be read, or a root was given that does not open it.
    """
    path = Path(folder)
    settings = config.read(path)
    if root is None and (default := default_key_file(settings.archive)).is_file():
        root = KeyFile(default)
    found = parse_verifier_key(key or settings.verifier_key) if key or settings.verifier_key else None
    with ExitStack() as opened:
        store = SqliteStore(path / DATABASE, read_only=True)
        opened.callback(store.close)
        reader = opened.enter_context(store.snapshot())
        secrets = None
        if root is not None:
            keys = opened.enter_context(KeyStore.open(path, settings.archive, root, read_only=True))
            secrets = secrets_of(keys, settings, reader)
            if key is None:
                book = Logbook(settings.archive, settings.origin, keys, clock=system_clock, shard=SHARD)
                found = book.verifier_key()
        return verify.check(
            reader,
            archive=settings.archive,
            origin_base=settings.origin,
            key=found,
            trusted=trusted,
            secrets=secrets,
            files=path / "files",
            progress=progress,
            opener=partial(reader_of, path / DATABASE),
            workers=workers,
        )


def secrets_of(keys: KeyStore, file: Configuration, reader: Reader) -> verify.Secrets:
    """What the key store knows of a log: the key of its macs, and what it signed last."""
    signed = {}
    newest = max(reader.generations(SHARD) or [0])
    for gen in count():
        origin = f"{file.origin}/{SHARD}.{gen}"
        last = keys.last_signed(origin)
        if last is not None:
            signed[origin] = (last.size, last.root)
        elif gen > newest:
            # Generations are signed as soon as they are opened, so none is left out in between.
            break
    return verify.Secrets(keys.log_mac_key, signed)
