"""Fields of record types: what they are called, how sensitive they are, which group seals them; pure.

Numbers are permanent: a field's, a category's. Names may change, so everything that is sealed, indexed or
hashed is bound to the number.
"""

from __future__ import annotations

import attrs

from muniment.model import CLASSES
from muniment.schema.values import NO_LABEL, Label

__all__ = [
    "INDEX_KINDS",
    "Choice",
    "Field",
    "Highlight",
    "LayoutGroup",
    "category_of_group",
    "class_of_group",
    "fold_name",
    "seal_group",
]

INDEX_KINDS = ("exact", "normalised", "unique", "prefix", "last_four", "words")
"""The blind indexes that a field may have."""


def seal_group(category: int, sensitivity: str) -> int:
    """The number of what one seal covers: the category's number times eight, plus the class's.

    Args:
        category: the category's permanent number, from 1 to 8,190.
        sensitivity: a name out of ``CLASSES``.
    """
    return category << 3 | CLASSES.index(sensitivity) + 1


def category_of_group(group: int) -> int:
    """The number of the retention category of a seal group."""
    return group >> 3


def class_of_group(group: int) -> str:
    """The name of the class of a seal group."""
    return CLASSES[(group & 7) - 1]


def fold_name(name: str) -> str:
    """A header as it is compared: no case, one space for spaces, underscores and hyphens."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


@attrs.frozen
class Choice:
    """One choice of a field.

    Attributes:
        key: what is stored.
        label: what people read.
        colour: a name such as ``green``; empty for none.
        icon: a name out of the interface's set; empty for none.
        retired: shown where it stands already, no longer taken.
    """

    key: str
    label: Label = NO_LABEL
    colour: str = ""
    icon: str = ""
    retired: bool = False


@attrs.frozen
class Highlight:
    """A rule that colours a value in forms, lists, print and spreadsheets.

    Attributes:
        test: ``is``, ``below``, ``above``, ``empty``, ``past`` or ``within_days``.
        colour: a name such as ``red``.
        value: what the test compares with, as text in the field's own form; empty where it needs none.
        where: ``field=choice``: only in records that have this choice there; empty for all.
    """

    test: str
    colour: str
    value: str = ""
    where: str = ""


@attrs.frozen(kw_only=True)
class Field:
    """One field of a record type.

    Attributes:
        key: small letters, digits and underscores.
        kind: the name of a ``FieldKind``.
        number: permanent and unique in the archive; 0 before the registry gave one.
        encoding: the number of the encoding it is stored in, as the definition keeps it; 0 before.
        label: what people read.
        help: one or two sentences under the input.
        group: the key of the layout group it stands in.
        sensitivity: a name out of ``CLASSES``.
        category: the name of the retention category.
        seal_group: category number x 8 + class number; 0 before the registry gave one.
        required: a record without it is refused.
        unique: two live records never hold the same value.
        default: the value of a new record that gives none, as text.
        index: names out of ``INDEX_KINDS``.
        mask: a name out of ``values.MASKS``; empty takes the kind's.
        choices: what a choice may be; several choices without any take every word.
        minimum: the least value, as text in plain form (``0``, ``12.50``, ``2000-01-01``).
        maximum: the greatest value, likewise.
        max_length: in characters; 0 takes the kind's.
        target: the key of the type that a reference points to.
        currency: ISO 4217, for an amount that names none.
        past: a day that is still to come is refused.
        computed: made by the program; never given.
        hidden: left out of forms and lists.
        retired: keeps its number and its values, takes none.
        suspended: its plugin is disabled: it keeps its values and takes none until that is enabled again.
        aliases: further headers under which an import finds it.
        former_keys: keys it had before it was renamed.
        width: of its column, in characters; 0 lets the kind decide.
        order: its place in lists, from 1; 0 leaves it out of the list's first view.
        emphasis: ``title``, ``strong``, ``quiet`` or empty.
        highlight: rules that colour it.
        plugin: the name of the plugin that brought it; empty for a template's or a team's.
        own: names of attributes that the team set itself; a template applied again leaves them alone.
        purposes: W3C DPV terms under which alone the field is there at all; empty for any purpose.
        meaning: what it is for the work around records: a name out of ``rules.MEANINGS``; empty for nothing
            in particular.
    """

    key: str
    kind: str
    number: int = 0
    encoding: int = 0
    label: Label = NO_LABEL
    help: Label = NO_LABEL
    group: str = ""
    sensitivity: str = attrs.field(default="internal", validator=attrs.validators.in_(CLASSES))
    category: str = ""
    seal_group: int = 0
    required: bool = False
    unique: bool = False
    default: str | None = None
    index: tuple[str, ...] = ()
    mask: str = ""
    choices: tuple[Choice, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    max_length: int = 0
    target: str = ""
    currency: str = ""
    past: bool = False
    computed: bool = False
    hidden: bool = False
    retired: bool = False
    suspended: bool = False
    aliases: tuple[str, ...] = ()
    former_keys: tuple[str, ...] = ()
    width: int = 0
    order: int = 0
    emphasis: str = ""
    highlight: tuple[Highlight, ...] = ()
    plugin: str = ""
    own: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    meaning: str = ""

    @property
    def in_clear(self) -> bool:
        """Whether the value also stands in clear in the current state, for lists."""
        return self.sensitivity in ("public", "internal")

    @property
    def writable(self) -> bool:
        """Whether a person may give it a value."""
        return not (self.computed or self.retired or self.suspended)

    @property
    def lasting(self) -> bool:
        """Whether it takes values, if not now, then when its plugin is enabled again."""
        return not (self.computed or self.retired)


@attrs.frozen
class LayoutGroup:
    """Fields that stand together in a form, under one heading and one retention category.

    Attributes:
        key: small letters, digits and underscores.
        label: the heading.
        category: the name of the retention category of its fields.
        order: its place in the form, from 1; 0 puts it behind those that have one.
    """

    key: str
    label: Label = NO_LABEL
    category: str = ""
    order: int = 0
