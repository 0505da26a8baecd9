"""Keys: secrets and who can open them.

A key store holds a random secret for each subject and each facet. Everything
in it is sealed under the archive key, which exists only wrapped, in one slot
file for each root (a key file, a passphrase, a recovery phrase, a recipient
kept offline, or a plugin's device). Destroying a secret and rotating the
archive key is what erasing means here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from muniment.keys._signing import Signed, Signing
from muniment.keys.derive import actor_tag_key, data_key, index_key, subject_tag_key
from muniment.keys.lock import ArchiveLock
from muniment.keys.phrase import new_phrase, read_phrase
from muniment.keys.roots import (
    DEFAULT_COST,
    Cost,
    KeyFile,
    Passphrase,
    Recipient,
    RecoveryPhrase,
    write_key_file,
)
from muniment.keys.selftest import self_test
from muniment.keys.slots import Argon2, Enrolment, Opener, Root, RootProvider
from muniment.keys.store import KeyStore

if TYPE_CHECKING:
    from muniment.keys._copies import Pair
    from muniment.keys._report import KeyStatus, Rotated, SlotStatus

__all__ = [
    "DEFAULT_COST",
    "ArchiveLock",
    "Argon2",
    "Cost",
    "Enrolment",
    "KeyFile",
    "KeyStatus",
    "KeyStore",
    "Opener",
    "Pair",
    "Passphrase",
    "Recipient",
    "RecoveryPhrase",
    "Root",
    "RootProvider",
    "Rotated",
    "Signed",
    "Signing",
    "SlotStatus",
    "actor_tag_key",
    "data_key",
    "index_key",
    "new_phrase",
    "read_phrase",
    "self_test",
    "subject_tag_key",
    "write_key_file",
]

_LATE = {
    "KeyStatus": "muniment.keys._report",
    "Pair": "muniment.keys._copies",
    "Rotated": "muniment.keys._report",
    "SlotStatus": "muniment.keys._report",
}


def __getattr__(name: str) -> object:
    """Load what only reports and backups need when it is asked for: the command has to start fast."""
    try:
        return getattr(import_module(_LATE[name]), name)
    except KeyError:
        raise AttributeError(name) from None
