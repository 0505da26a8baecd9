"""Whether indexes and current state are laid out as the types and the configuration want them now.

A new index on an old field, a new epoch or other token lengths leave the
stored tokens behind: a lookup would silently find nothing. A class that rose
leaves a value in clear that may not stand there any more. One row of the token
table says under which layout the others were made; where it does not fit,
lookups are refused until they are made anew.
"""

from __future__ import annotations

from hashlib import sha256

from muniment.codec import canonical
from muniment.errors import StoreError
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.tokens import indexes_of
from muniment.store import ListQuery, Token, Transaction

__all__ = ["layout_token", "require_layout", "set_layout"]


def layout_token(engine: Engine) -> Token:
    """The row that stands for today's layout: field 0, kind 0, held by the archive itself."""
    indexes = sorted(
        [index.field.number, index.number, index.bits]
        for record_type in engine.definitions.registry.types
        for made in indexes_of(engine, record_type).values()
        for index in made
    )
    clear = sorted(
        field.number
        for record_type in engine.definitions.registry.types
        for field in record_type.fields
        if field.in_clear
    )
    document: dict[str, object] = {
        "clear": clear,
        "epoch": engine.settings.index_epoch,
        "indexes": indexes,
        "v": 1,
    }
    terms = [[name, one.version] for name, one in engine.plugins.search_terms()]
    if terms:
        document["terms"] = terms
    digest = sha256(b"muniment/layout/v1\n" + canonical(document)).digest()
    return Token(SHARD, 0, 0, digest, engine.archive)


def require_layout(engine: Engine, tx: Transaction) -> None:
    """Refuse to look anything up under tokens of another layout.

    Raises:
        StoreError: ``index.stale``.
    """
    if engine.layout_checked:
        return
    token = layout_token(engine)
    if engine.archive not in tx.find_tokens(SHARD, 0, 0, (token.token,))[token.token]:
        raise StoreError("index.stale")
    engine.layout_checked = True


def set_layout(engine: Engine, tx: Transaction) -> bool:
    """Say that the tokens are of today's layout, if there are none that are not.

    Returns:
        Whether that could be said; where not, the tokens must be made anew.
    """
    token = layout_token(engine)
    found = tx.find_tokens(SHARD, 0, 0, (token.token,))[token.token]
    if engine.archive in found:
        return True
    for record_type in engine.definitions.registry.types:
        if not record_type.built_in:
            for deleted in (False, True):
                if tx.list_current(SHARD, ListQuery(record_type.number, limit=1, deleted=deleted)):
                    return False
    tx.drop_tokens([row for row in tx.tokens(SHARD) if row.field == 0])
    tx.add_tokens([token])
    return True
