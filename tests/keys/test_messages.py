"""Every error and warning of the key store has its text, in both languages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from string import Formatter

import muniment.keys

CATALOGUE = tomllib.loads(
    (Path(muniment.keys.__file__).parents[1] / "messages" / "key.toml").read_text(encoding="utf-8")
)


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    """Codes of roots are made from the kind; one more is raised by what opens an archive."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(muniment.keys.__file__).parent.glob("*.py")
    )
    used = set(re.findall(r'"(key\.[a-z0-9_]+)"', source))
    made = {f"key.wrong_{kind}" for kind in ("keyfile", "passphrase", "recovery", "recipient")}
    assert used | made | {"key.no_key_file"} == CATALOGUE.keys()


def test_both_languages_say_the_same_parameters() -> None:
    """A sentence and a hint in each, without line breaks."""
    for code, texts in CATALOGUE.items():
        assert {"en", "zh", "hint_en", "hint_zh"} == texts.keys(), code

        def names(text: str) -> set[str]:
            return {name for _, name, _, _ in Formatter().parse(text) if name}

        assert names(texts["en"]) == names(texts["zh"]), code
        assert names(texts["hint_en"]) == names(texts["hint_zh"]), code
        assert all(text and "\n" not in text for text in texts.values()), code
