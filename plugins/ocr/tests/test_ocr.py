"""Forms and cards, drawn, scanned and proposed; a person decides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from muniment.errors import PluginError, UsageError
from muniment.testing import assert_conforms, assert_no_plaintext, new_archive
from muniment_ocr.fields import read_fields
from muniment_ocr.proposing import propose
from muniment_ocr.reading import Line, read_lines

FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
MISSING = [
    name
    for name, there in (("tesseract", shutil.which("tesseract")), (str(FONT), FONT.exists()))
    if not there
]
drawn = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def picture(*lines: tuple[str, int], kind: str = "PNG") -> bytes:
    """A scan with lines of text in these sizes."""
    made = Image.new("L", (1600, 120 * len(lines) + 120), 255)
    draw = ImageDraw.Draw(made)
    for place, (text, size) in enumerate(lines):
        draw.text((80, 60 + 120 * place), text, font=ImageFont.truetype(str(FONT), size), fill=0)
    data = BytesIO()
    made.save(data, kind, dpi=(300, 300))
    return data.getvalue()


@pytest.fixture
def archive(tmp_path):
    with new_archive(tmp_path / "archive", plugins=["ocr"], region="CN") as made:
        yield made


@pytest.fixture
def owner(archive):
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        yield session


def test_the_plugin_keeps_its_contracts():
    """As any plugin."""
    assert_conforms("ocr")


@drawn
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PDF"])
def test_a_form_becomes_a_record_once_a_person_accepts_it(owner, tmp_path, kind):
    """By its labels in either language; the choice by its label, and nothing is written before."""
    form = tmp_path / f"form.{kind.lower()}"
    form.write_bytes(
        picture(
            ("姓名：王小明", 48),
            ("E-mail: wang@example.cn", 48),
            ("电话：13800138000", 48),
            ("City: Shanghai", 48),
            kind=kind,
        )
    )
    id = propose(owner, "customer", form)
    item = owner.inbox.get(id)
    assert {
        "full_name": "王小明",
        "email": "wang@example.cn",
        "city": "Shanghai",
    }.items() <= item.proposal.values.items()
    assert set(item.proposal.shown["confidence"]) == set(item.proposal.values)
    assert not owner.list("customer").records
    saved = owner.inbox.accept(id, values={"city": "上海"})
    fields = owner.get(saved.id).fields
    assert ("王小明", "13800138000", "上海") == (fields["full_name"], fields["phone"], fields["city"])
    assert propose(owner, "customer", form) is None


@drawn
def test_a_card_is_recognised_by_what_it_looks_like(owner, tmp_path):
    """Largest letters, address, number, company."""
    card = tmp_path / "card.png"
    card.write_bytes(
        picture(("Jane Doe", 80), ("Acme Ltd", 44), ("+44 20 7946 0958", 44), ("jane@acme.example", 44))
    )
    values = owner.inbox.get(propose(owner, "customer", card)).proposal.values
    assert {
        "full_name": "Jane Doe",
        "email": "jane@acme.example",
        "phone": "+442079460958",
        "company": "Acme Ltd",
    } == values


@drawn
def test_no_picture_is_left_in_clear(archive, owner, tmp_path, monkeypatch):
    """Neither in the archive nor where temporary files go."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    card = tmp_path / "card.png"
    card.write_bytes(picture(("Quentin Canary", 80), ("quentin@quokka.example", 44)))
    propose(owner, "customer", card)
    assert [] == os.listdir(place)
    assert_no_plaintext(archive.folder, ["Quentin Canary", "quentin@quokka.example"])
    assert not any(
        card.read_bytes()[200:400] in path.read_bytes()
        for path in archive.folder.rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize("data", [b"", b"no picture", b"%PDF-1.7 broken", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_is_refused_with_its_reason(data):
    """One clear error, whatever the name says."""
    with pytest.raises(UsageError, match=r"ocr\.no_picture"):
        read_lines(data)


def test_a_picture_that_would_fill_the_memory_is_refused():
    """A small file can unfold into a large one."""
    data = BytesIO()
    Image.new("1", (12_000, 12_000)).save(data, "PNG")
    with pytest.raises(UsageError, match=r"ocr\.no_picture"):
        read_lines(data.getvalue())


@drawn
def test_a_language_that_is_not_there_is_named():
    """With what to install."""
    with pytest.raises(UsageError, match=r"ocr\.no_tesseract"):
        read_lines(picture(("x", 40)), languages="xx")


@drawn
def test_a_scan_without_a_field_is_refused(owner, tmp_path):
    """Nothing waits that proposes nothing."""
    scan = tmp_path / "x.png"
    scan.write_bytes(picture(("2026 12 31", 40)))
    with pytest.raises(UsageError, match=r"ocr\.nothing"):
        propose(owner, "customer", scan)
    assert not owner.inbox.listed()


@given(st.lists(st.text(min_size=1, max_size=40), max_size=12))
def test_whatever_stands_on_paper_is_read_or_left(texts):
    """No text breaks the reader of fields, and no value comes from nowhere."""
    from muniment.schema import load_template

    record_type = next(one for one in load_template("customer-info").types if one.key == "customer")
    found = read_fields(record_type, [Line(text, 50, 20) for text in texts], region="CN")
    assert found.values.keys() == found.confidence.keys() <= record_type.by_key.keys()


def test_the_command_asks_for_the_plugin(tmp_path):
    """Installed is not enabled."""
    from muniment.cli.offered import require_plugin

    with new_archive(tmp_path / "plain") as made, pytest.raises(PluginError, match=r"plugin\.not_enabled"):
        require_plugin(made, "ocr")


def test_the_command_is_one_of_muniment():
    """Under the plugin's name, with help in both languages."""
    done = subprocess.run(
        [sys.executable, "-m", "muniment", "--lang", "zh", "ocr", "--help"], capture_output=True, check=True
    )
    assert "扫描的表格与名片" in done.stdout.decode("utf-8")
