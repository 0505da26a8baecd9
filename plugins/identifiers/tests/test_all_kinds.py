"""What every kind promises: total, idempotent, quiet, masked, read back; and the factory for more."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from itertools import islice, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.errors import IntegrityError, has_text, text_of
from muniment.index import check_kind
from muniment.plugins import PluginInfo
from muniment.schema import MASKS, Context, Field, ValueProblem
from muniment_identifiers import KINDS, RECOMMENDED_CLASS, RECOMMENDED_INDEX, stdnum_kind, stdnum_messages
from muniment_identifiers._examples import EXAMPLES
from muniment_identifiers._national import _HIDDEN, _SHOWN
from muniment_identifiers._texts import MESSAGES

NAMES = sorted(kind.name for kind in KINDS)

VALID = EXAMPLES
# Every digit of these is under a check that finds each wrong one.
CHECKED = (
    "uscc", "resident_id", "iban", "lei", "card_number", "isin", "aba_rtn", "creditor_reference", "npi",
    "nhs_number", "gtin", "isbn", "imei", "issn", "vat", "figi", "cusip", "bc_phn",
)  # fmt: skip


def _examples(module: str) -> list[tuple[str, str]]:
    """What the library's own documentation of a module validates, and what it gives."""
    text = import_module(f"stdnum.{module}").__doc__
    return re.findall(r">>> validate\('([^']*)'[^\n]*\n'([^']*)'", text)


def test_every_kind_has_an_example_here():
    """A kind that nobody tries is a kind that nobody knows."""
    assert sorted(VALID) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_number_is_taken_and_reads_back_in_every_form(name, kinds, read):
    """What is stored is stored again as it stands, from the screen, from a file and from JSON."""
    kind = kinds[name]
    value = read(name, VALID[name])
    assert VALID[name] == value
    for lang in ("en", "zh"):
        assert value == read(name, kind.format(value, lang))
        assert kind.label.of(lang)
    assert value == kind.from_json(kind.to_json(value))
    with pytest.raises(IntegrityError, match=r"integrity\.value"):
        kind.from_json(5)


@pytest.mark.parametrize("row", [*_SHOWN, *_HIDDEN], ids=lambda row: row[0])
def test_the_librarys_own_examples_are_taken(row, read):
    """However its documentation writes the number, it is the same value."""
    name, module, *_ = row
    for typed, kept in _examples(module):
        assert kept == read(name, typed) == read(name, f" {kept} ")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_cell_is_no_value(name, read):
    """Nothing typed is nothing kept, and no problem."""
    assert None is read(name, "  ")


@pytest.mark.parametrize("name", CHECKED)
def test_one_wrong_digit_is_refused(name, judge):
    """Each digit, in each place, for each other digit."""
    number = VALID[name]
    for place, digit in enumerate(number):
        for other in "0123456789" if digit.isdecimal() else "":
            if other != digit:
                assert judge(name, number[:place] + other + number[place + 1 :]), place


ODD = st.one_of(
    st.text(max_size=60),
    st.text("0123456789", max_size=24),
    st.text("0123456789ABCDEFXYZabcx .-/<+*^=%;²٣Ⅷﬁé\u2011\uff11", max_size=50),
    st.sampled_from(sorted(VALID.values())).flatmap(
        lambda number: st.tuples(st.integers(0, len(number)), st.characters()).map(
            lambda change: number[: change[0]] + change[1] + number[change[0] :]
        )
    ),
    st.integers() | st.binary(max_size=8) | st.floats() | st.lists(st.text(), max_size=2),
)


def _outcome(read, name: str, raw: object, region: str = "") -> tuple[ValueProblem | None, object]:
    try:
        return None, read(name, raw, region)
    except ValueProblem as problem:
        return problem, problem.kept


@pytest.mark.slow
@settings(max_examples=200)
@given(ODD, st.sampled_from(["", "CN", "us", "ZZ", "JP"]))
def test_nothing_makes_a_kind_fail(read, raw, region):
    """Whatever is given is a value that reads back as itself, nothing, or a problem with a text."""
    for name in NAMES:
        problem, value = _outcome(read, name, raw, region)
        if problem is not None:
            assert has_text(problem.code)
            _quiet(problem, raw)
        if value is not None:
            again, kept = _outcome(read, name, value, region)
            assert value == kept
            assert (problem and problem.code) == (again and again.code)


def _quiet(problem: ValueProblem, raw: object) -> None:
    """Neither the problem nor what it was raised from says a longer piece of the value."""
    said = []
    error: BaseException | None = problem
    while error is not None:
        said.append(f"{error} {error!r} {error.args}")
        error = error.__cause__ or error.__context__
    for lang in ("en", "zh"):
        said += text_of(problem.code, lang, **problem.parameters)
    said.append(repr(problem.parameters))
    if isinstance(raw, str):
        for piece in _pieces(raw, 7):
            assert piece not in " ".join(said)


def _pieces(text: str, size: int) -> Iterator[str]:
    digits = (text[place : place + size] for place in range(len(text) - size + 1))
    return (piece for piece in digits if piece.isdecimal())


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_number_is_in_no_error(name, read):
    """A number that is nearly right is as secret as the right one."""
    number = VALID[name]
    for place, other in islice(product(range(len(number)), "05Z"), 60):
        wrong = number[:place] + other + number[place + 1 :]
        problem, _ = _outcome(read, name, wrong)
        if problem is not None:
            _quiet(problem, wrong)
            assert None is problem.__context__
            assert None is problem.__cause__


@pytest.mark.parametrize("name", NAMES)
def test_no_mask_shows_more_than_it_may(name, kinds):
    """At most four characters and half the number, in any style, and never how long it is.

    PCI DSS v4.0.1, 3.4.1, would allow the first six or eight of a card besides.
    """
    kind, number = kinds[name], VALID[name]
    for style in ("", *MASKS):
        masked = kind.mask(number, style)
        shown = re.sub(r"[•-]", "", masked)
        assert len(shown) <= 4
        signs = sum(map(str.isalnum, number))
        assert signs >= 2 * sum(map(str.isalnum, shown))
        if signs >= 8:
            assert masked == kind.mask(number[:4] + "7" * 30 + number[4:], style)


def test_a_card_shows_its_last_four_alone(kinds):
    """Enough to tell two apart, not to pay with one."""
    assert "••••0128" == kinds["card_number"].mask("6222021234567890128")
    assert "••••" == kinds["icd10"].mask("S72.001A")
    assert "••••" == kinds["se_personnummer"].mask("8803200016")


@pytest.mark.parametrize("name", NAMES)
def test_the_index_that_is_recommended_is_one_for_such_fields(name):
    """What a template takes over from the table is taken by the archive."""
    for index in RECOMMENDED_INDEX[name]:
        check_kind(index, "identifier")
    if MASKS[next(kind.mask_style for kind in KINDS if kind.name == name)]("12345678") == "••••":
        assert "last_four" not in RECOMMENDED_INDEX[name]
    assert RECOMMENDED_CLASS[name] in ("internal", "personal", "sensitive", "restricted")


def test_every_kind_is_in_the_read_me_with_its_index(request):
    """The table that people read says what the plugin does."""
    text = (request.path.parents[1] / "README.md").read_text(encoding="utf-8")
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) >= 4:
            for name in re.findall(r"`(\w+)`", cells[0]):
                rows[name] = tuple(re.findall(r"`(\w+)`", cells[-2])), cells[-1]
    assert {name: (RECOMMENDED_INDEX[name], RECOMMENDED_CLASS[name]) for name in NAMES} == rows


# ------------------------------------------------------------------- a team's own


def test_a_team_lists_a_further_number_with_one_line():
    """A module of the library becomes a kind of the team's plugin, with texts under its own name."""
    kind = stdnum_kind("mu_nid", "mu.nid", "Identity number", "身份号码", area="clinic", mask="full")
    parse = kind.prepare(Field(key="number", kind="mu_nid"))
    context = Context(today=date(2026, 3, 1))
    assert "J2906201304089" == parse("J2906201304089", context)
    with pytest.raises(ValueProblem) as caught:
        parse("J2906201304088", context)
    assert "clinic.number_check" == caught.value.code
    info = PluginInfo("clinic", ">=1,<2", messages=stdnum_messages("clinic"))
    assert {"en", "zh", "hint_en", "hint_zh"} == set(info.messages["clinic.number_check"])


@pytest.mark.parametrize(
    "wrong", [{"module": "mu.nobody"}, {"module": "nowhere.nid"}, {"module": "mu"}, {"mask": "half"}]
)
def test_a_misspelt_module_or_mask_is_found_at_once(wrong):
    """Not when the first customer is typed in."""
    given = {"module": "mu.nid", "mask": "full", **wrong}
    with pytest.raises(ValueError, match=r"python-stdnum has no module|no mask"):
        stdnum_kind("mu_nid", given["module"], "Identity number", "身份号码", mask=given["mask"])


def test_the_plugin_in_the_read_me_works_as_it_stands(request):
    """The code that people copy is run."""
    text = (request.path.parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    made: dict[str, Any] = {}
    exec(example, made)
    (kind,) = made["muniment_field_kinds"]()
    assert ("mu_nid", "full") == (kind.name, kind.mask_style)
    assert "island.number_check" in made["muniment_plugin_info"]().messages


@pytest.mark.slow
def test_loading_the_plugin_does_not_load_the_library():
    """It takes longer than the whole command."""
    code = (
        "import sys; from muniment import plugins; found = plugins.load(['identifiers'], environ={});"
        "assert found.field_kinds(); sys.exit('stdnum' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode


def test_every_code_has_a_text_and_every_text_a_code(request):
    """A code without a text would refuse every write; a text without a code is never read."""
    folder = request.path.parents[1] / "src" / "muniment_identifiers"
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    raised = set(re.findall(r'(?:refuse\(\s*|else |AREA\}\.)"?([a-z0-9]+_[a-z_]+)"', source))
    raised |= {f"{code}_{reason}" for code in ("passport", "mrz") for reason in ("form", "check")}
    raised |= {"number_form", "number_length", "number_check", "number_part"}
    assert raised == {code.removeprefix("identifiers.") for code in MESSAGES}
