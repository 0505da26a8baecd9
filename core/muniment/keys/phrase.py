"""Recovery phrases: BIP-39 words in English and Simplified Chinese, made, and read as people type them."""

from __future__ import annotations

import os
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from muniment.errors import KeyStoreError
from muniment.model import Random

if TYPE_CHECKING:
    from mnemonic import Mnemonic

__all__ = ["new_phrase", "read_phrase"]

_LISTS: Final = {"en": "english", "zh": "chinese_simplified"}
_LENGTHS: Final = (12, 15, 18, 21, 24)
_ENGLISH: Final = re.compile(r"[a-z]+")
_SHORT: Final = 4  # the first four letters of a word of the English list are its own


@cache
def _list(language: str) -> Mnemonic:
    from mnemonic import Mnemonic

    return Mnemonic(_LISTS[language])


def new_phrase(*, lang: str = "en", bits: int = 128, random: Random = os.urandom) -> str:
    """A new recovery phrase.

    Args:
        lang: ``en`` or ``zh``.
        bits: of entropy: 128 (12 words), 160, 192, 224 or 256 (24 words).
        random: gives so many random bytes.

    Returns:
        The words with one space between them.
    """
    if bits not in (128, 160, 192, 224, 256):
        raise KeyStoreError("key.phrase_length")
    return str(_list(lang).to_mnemonic(random(bits // 8)))


def read_phrase(typed: str) -> str:
    """A phrase as it was written, from what a person typed.

    Case, spacing, punctuation and numbering are ignored, English words may be
    cut to their first four letters, Chinese ones need no spaces.

    Returns:
        The words in NFKD with one space between them: what Argon2id is given.

    Raises:
        KeyStoreError: ``key.phrase_length``, ``key.phrase_word`` with the number of the word (never the
            word), ``key.phrase_checksum``.
    """
    text = unicodedata.normalize("NFKD", typed).lower()
    signs = [sign for sign in text if unicodedata.category(sign) == "Lo"]
    language = "zh" if signs else "en"
    book = _list(language)
    words = signs or [
        book.expand_word(word) if len(word) >= _SHORT else word for word in _ENGLISH.findall(text)
    ]
    if len(words) not in _LENGTHS:
        raise KeyStoreError("key.phrase_length")
    known = frozenset(book.wordlist)
    for number, word in enumerate(words, 1):
        if word not in known:
            raise KeyStoreError("key.phrase_word", number=number)
    phrase = " ".join(words)
    if not book.check(phrase):
        raise KeyStoreError("key.phrase_checksum")
    return phrase
