"""Types, fields, templates, their versions and differences; pure."""

from muniment.schema.builtin import (
    ARCHIVE_CATEGORY,
    BUILTIN,
    CONFIGURATION,
    DEFINITION,
    DRAFT,
    IMPORT,
    PROPOSAL,
    SUGGESTION,
    USER,
    WEBHOOK,
)
from muniment.schema.definitions import Change, definition_document, diff, type_from_document
from muniment.schema.edits import (
    add_field,
    add_group,
    change_field,
    hide_field,
    rename_field,
    retire_field,
)
from muniment.schema.fields import (
    INDEX_KINDS,
    Choice,
    Field,
    Highlight,
    LayoutGroup,
    category_of_group,
    class_of_group,
    fold_name,
    seal_group,
)
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.listviews import WORDED, Condition, ListView, parse_condition
from muniment.schema.phones import e164
from muniment.schema.registry import Applied, Extension, Registry
from muniment.schema.rules import COLOURS, check_type
from muniment.schema.template import (
    Template,
    load_template,
    parse_additions,
    parse_template,
    parse_type,
    template_names,
)
from muniment.schema.types import RecordType, is_built_in
from muniment.schema.values import MASKS, Context, Label, Parser, ValueProblem, mask_text

__all__ = [
    "ARCHIVE_CATEGORY",
    "BUILTIN",
    "COLOURS",
    "CONFIGURATION",
    "DEFINITION",
    "DRAFT",
    "IMPORT",
    "INDEX_KINDS",
    "KINDS",
    "MASKS",
    "PROPOSAL",
    "SUGGESTION",
    "USER",
    "WEBHOOK",
    "WORDED",
    "Applied",
    "Change",
    "Choice",
    "Condition",
    "Context",
    "Extension",
    "Field",
    "FieldKind",
    "Highlight",
    "Label",
    "LayoutGroup",
    "ListView",
    "Parser",
    "RecordType",
    "Registry",
    "Template",
    "ValueProblem",
    "add_field",
    "add_group",
    "category_of_group",
    "change_field",
    "check_type",
    "class_of_group",
    "definition_document",
    "diff",
    "e164",
    "fold_name",
    "hide_field",
    "is_built_in",
    "load_template",
    "mask_text",
    "parse_additions",
    "parse_condition",
    "parse_template",
    "parse_type",
    "rename_field",
    "retire_field",
    "seal_group",
    "template_names",
    "type_from_document",
]
