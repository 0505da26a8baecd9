"""Types, fields, templates, their versions and differences; pure."""

from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.types import (
    INDEX_KINDS,
    Choice,
    Field,
    Highlight,
    LayoutGroup,
    RecordType,
    category_of_group,
    class_of_group,
    fold_name,
    seal_group,
)
from muniment.schema.values import MASKS, Context, Label, Parser, ValueProblem, mask_text

__all__ = [
    "INDEX_KINDS",
    "KINDS",
    "MASKS",
    "Choice",
    "Context",
    "Field",
    "FieldKind",
    "Highlight",
    "Label",
    "LayoutGroup",
    "Parser",
    "RecordType",
    "ValueProblem",
    "category_of_group",
    "class_of_group",
    "fold_name",
    "mask_text",
    "seal_group",
]
