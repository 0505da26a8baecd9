"""A word beside a number fits it."""

import re

import pytest

from muniment.counting import counted
from muniment.errors import text_of


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0 entries are there"),
        (1, "1 entry is there"),
        ("1", "1 entry is there"),
        ("1,001", "1,001 entries are there"),
    ],
)
def test_one_is_one(number, expected):
    """Numbers come as such or as they are written."""
    text = counted("{count:entry is|entries are} there", {"count": number})
    assert expected == text.format(count=number)


def test_what_is_no_form_stays():
    """Neither a bar that belongs to the text nor a parameter's own text is taken for one."""
    assert "a|b {name}" == counted("a|b {name}", {"name": "{count:x|y}"})
    assert "{count:x|y}" == counted("{name}", {"name": "{count:x|y}"}).format(name="{count:x|y}")


def test_messages_count_in_english_and_in_chinese():
    assert "1 problem; nothing was written" == text_of("value.invalid", count=1)[0]
    assert "2 problems; nothing was written" == text_of("value.invalid", count=2)[0]
    assert re.search("1 个", text_of("value.invalid", "zh", count=1)[0])
