"""Write docs/templates.md and docs/templates.zh-CN.md: every template with its tables and their fields.

Run it after a change to a template or type: ``python tests/tools/make_templates_page.py``.
A test compares the pages with what it would write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import muniment_schemas
from muniment.exports.columns import money_headers
from muniment.schema import KINDS, Field, RecordType, Template, load_template, parse_type, template_names

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"en": DOCS / "templates.md", "zh": DOCS / "templates.zh-CN.md"}

_INTRO = {
    "en": (
        "# The customer tables\n\n"
        "*中文：[templates.zh-CN.md](templates.zh-CN.md)*\n\n"
        "The templates that come with muniment, and every field of their tables. Take one, or several:\n"
        "tables that they share are joined, in whatever order they come.\n\n"
        "```sh\n"
        "muniment init customers --template customer-tracking --template ecommerce\n"
        "muniment template apply segmentation --reason 'spring campaign'\n"
        "```\n\n"
        "All labels, choices and help texts are there in English and Chinese. An import finds a column\n"
        "by the field's key, its label in either language, or one of the further headers; a reference is\n"
        "given as the other record's number, or its code, name or login where these are unique. Amounts\n"
        "have a second column for the currency, such as `{currency}`. How tables are changed is in\n"
        "[the guide for teams](teams.md).\n\n"
        "This page is made by `tests/tools/make_templates_page.py` from the templates.\n"
    ),
    "zh": (
        "# 客户表格\n\n"
        "*English: [templates.md](templates.md)*\n\n"
        "muniment 自带的模板，以及其中各表的全部字段。可选一个，也可选多个：\n"
        "共用的表会合并，与先后顺序无关。\n\n"
        "```sh\n"
        "muniment init customers --template customer-tracking --template ecommerce\n"
        "muniment template apply segmentation --reason 春季活动\n"
        "```\n\n"
        "所有名称、选项和说明均有中英文。导入时，列可用字段的键、任一语言的名称或其他列名来识别；\n"
        "关联字段填写对方的编号，或在其唯一时填写代码、名称或登录名。金额另有一列币种，如“{currency}”。\n"
        "如何修改表格，见[团队指南](teams.zh-CN.md)。\n\n"
        "本页由 `tests/tools/make_templates_page.py` 根据模板生成。\n"
    ),
}
_WORDS = {
    "templates": ("Templates", "模板"),
    "tables": ("Tables", "表"),
    "table": ("Table", "表"),
    "groups": ("Groups", "分组"),
    "fields": ("Fields", "字段数"),
    "field": ("Field", "字段"),
    "kind": ("Kind", "类型"),
    "class": ("Class", "敏感级别"),
    "help": ("Help", "说明"),
    "rules": ("Rules", "规则"),
    "headers": ("Further headers in sheets", "表格中的其他列名"),
    "required": ("required", "必填"),
    "unique": ("unique", "唯一"),
    "computed": ("computed", "自动计算"),
    "past": ("not in the future", "不得晚于今天"),
    "default": ("at first {}", "默认为{}"),
    "range": ("{} to {}", "{} 至 {}"),
    "minimum": ("at least {}", "不小于 {}"),
    "category": (", kept as `{}`", "，保留类别 `{}`"),
    "in": ("In {}.", "见于{}。"),
    "self": ("Each is a subject of its own.", "每条记录自成一个主体。"),
    "none": ("They belong to the archive, to no person.", "属于档案库，不属于任何人。"),
    "path": ("Each belongs to the subject that {} names.", "每条记录属于{}所指的主体。"),
    "comma": (", ", "、"),
    "semicolon": ("; ", "；"),
}

Say = Callable[..., str]


def _say(lang: str) -> Say:
    def say(word: str, *given: object) -> str:
        return _WORDS[word][lang == "zh"].format(*given)

    return say


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def _head(*cells: str) -> str:
    return _row(*cells) + "|" + "---|" * len(cells) + "\n"


def _anchor(record_type: RecordType, lang: str) -> str:
    label = record_type.label.of(lang)
    return f"[{label}](#{label.lower().replace(' ', '-')}-{record_type.key})"


def _rules(field: Field, lang: str, say: Say) -> Iterator[str]:
    for name in ("required", "unique", "computed", "past"):
        if getattr(field, name):
            yield say(name)
    if field.minimum is not None and field.maximum is not None:
        yield say("range", field.minimum, field.maximum)
    elif field.minimum is not None:
        yield say("minimum", field.minimum)
    if field.default is not None:
        yield say("default", KINDS[field.kind].format(field.default, lang, field))
    if field.choices:
        yield say("comma").join(choice.label.of(lang) for choice in field.choices)


def _kind(field: Field, types: Mapping[str, RecordType], lang: str) -> str:
    label = KINDS[field.kind].label.of(lang)
    if not field.target:
        return label
    target = types.get(field.target)
    return f"{label} → {_anchor(target, lang) if target else f'`{field.target}`'}"


def _subject(record_type: RecordType, lang: str, say: Say) -> str:
    if isinstance(record_type.subject, str):
        return say(record_type.subject)
    here, labels = record_type, []
    for key in record_type.subject:
        field = here.by_key[key]
        labels.append(f"*{field.label.of(lang)}*")
        here = _LIBRARY[field.target]
    return say("path", " → ".join(labels))


def _table(record_type: RecordType, templates: Mapping[str, Template], lang: str, say: Say) -> Iterator[str]:
    yield f"\n### {record_type.label.of(lang)} `{record_type.key}`\n\n"
    users = [
        f"`{key}`" for key, one in templates.items() if any(of.key == record_type.key for of in one.types)
    ]
    space = "" if lang == "zh" else " "
    yield f"{record_type.help.of(lang)}{space}{_subject(record_type, lang, say)}\n"
    yield f"{say('in', say('comma').join(users))}\n"
    for group in record_type.groups:
        yield f"\n**{group.label.of(lang)}** `{group.key}`{say('category', group.category)}\n\n"
        yield _head(*map(say, ("field", "kind", "class", "rules", "help", "headers")))
        for field in record_type.fields:
            if field.group == group.key:
                yield _row(
                    f"{field.label.of(lang)} `{field.key}`",
                    _kind(field, _LIBRARY, lang),
                    f"`{field.sensitivity}`",
                    say("semicolon").join(_rules(field, lang, say)),
                    field.help.of(lang),
                    say("comma").join(field.aliases),
                )


def _template(one: Template, lang: str, say: Say) -> Iterator[str]:
    yield f"\n### {one.label.of(lang)} `{one.key}`\n\n{one.help.of(lang)}\n\n"
    yield _head(*map(say, ("table", "groups", "fields")))
    for record_type in one.types:
        groups = say("comma").join(group.label.of(lang) for group in record_type.groups)
        yield _row(_anchor(record_type, lang), groups, str(len(record_type.fields)))


_LIBRARY: Mapping[str, RecordType] = {
    name: parse_type(muniment_schemas.read("types", name), where=name)
    for name in muniment_schemas.names("types")
}


def page(lang: str) -> str:
    """The page in one language."""
    say = _say(lang)
    templates = {name: load_template(name) for name in template_names()}
    # What people start with comes first.
    order = sorted(templates.values(), key=lambda one: (len(one.types), one.key))
    currency = money_headers(_LIBRARY["order"].by_key["total_amount"])["zh" if lang == "zh" else "en"]
    parts = [_INTRO[lang].format(currency=currency)]
    parts.append(f"\n## {say('templates')}\n")
    for one in order:
        parts += _template(one, lang, say)
    parts.append(f"\n## {say('tables')}\n")
    met = list(dict.fromkeys(record_type.key for one in order for record_type in one.types))
    for key in met:
        parts += _table(_LIBRARY[key], templates, lang, say)
    return "".join(parts)


def main() -> None:
    """Write both pages."""
    for lang, path in PAGES.items():
        path.write_text(page(lang), encoding="utf-8")


if __name__ == "__main__":
    main()
