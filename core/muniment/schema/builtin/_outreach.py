"""The built-in record types of figures and of letters to customers; pure."""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type
from muniment.schema.types import Choice
from muniment.schema.values import Label

__all__ = ["DASHBOARD"]

DASHBOARD: Final = builtin_type(
    24,
    "dashboard",
    Label("Dashboard", "看板"),
    # One address, one dashboard: whose it is, and the name.
    attrs.evolve(
        builtin_field("address", "text", "Address", "地址", required=True, max_length=1000),
        unique=True,
        index=("unique",),
        hidden=True,
    ),
    attrs.evolve(
        builtin_field("name", "text", "Name", "名称", required=True, max_length=100),
        order=1,
        emphasis="title",
    ),
    attrs.evolve(
        builtin_field("audience", "choice", "For", "适用范围", required=True),
        default="everyone",
        order=2,
        choices=(
            Choice("everyone", Label("Everyone", "所有人"), "green"),
            Choice("role", Label("Roles", "角色"), "blue"),
            Choice("person", Label("One person", "个人"), "grey"),
        ),
    ),
    attrs.evolve(builtin_field("holders", "several choices", "Roles or login", "角色或登录名"), order=3),
    builtin_field("origin", "identifier", "Template", "来源模板"),
    builtin_field("shipped", "identifier", "Digest as shipped", "出厂摘要"),
    builtin_field(
        "definition", "long text", "Definition", "定义", required=True, max_length=LONGEST_DOCUMENT
    ),
    title=("name",),
)
"""One record for each dashboard."""
