"""Pictures become lines of text with their confidence.

Tesseract is called as a program that reads the picture from its standard input and
writes to its standard output: the usual Python wrapper goes through temporary files,
and a scan of a person's form is not to lie about in clear.
"""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Line", "read_lines"]

_PAGES: Final = 20
_MEGAPIXELS: Final = 60
_SECONDS: Final = 300
_DPI: Final = 300


@attrs.frozen
class Line:
    """One line.

    Attributes:
        text: what it says; Chinese without the spaces that Tesseract puts between characters.
        confidence: 0 to 100, of its least certain word.
        height: pixels.
        page: from 0.
    """

    text: str
    confidence: int
    height: int
    page: int = 0


def read_lines(data: bytes, *, languages: str = "eng+chi_sim", where: str = "") -> list[Line]:
    """Every line of a scan, page by page, from the top.

    Args:
        data: PNG, JPEG, TIFF or PDF.
        languages: as Tesseract names them.
        where: the place that errors name.

    Raises:
        UsageError: ``ocr.no_picture``, or ``ocr.no_tesseract`` where it or a language is missing.
    """
    lines: list[Line] = []
    for page, picture in enumerate(_pictures(data, where)):
        lines += _lines(_recognised(picture, languages), page)
    return lines


def _pictures(data: bytes, where: str) -> Iterator[Image]:
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        if data.startswith(b"%PDF"):
            yield from _pages(data)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(data), formats=("PNG", "JPEG", "TIFF"))
        with opened as picture:
            for number, frame in enumerate(ImageSequence.Iterator(picture)):
                if number >= _PAGES or frame.width * frame.height > _MEGAPIXELS * 1_000_000:
                    raise _refusal(where)
                yield frame.convert("L")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        ValueError,
        SyntaxError,
    ):
        raise _refusal(where) from None


def _pages(data: bytes) -> Iterator[Image]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        raise ValueError from None
    try:
        if len(document) > _PAGES:
            raise ValueError
        for page in document:
            if page.get_width() * page.get_height() * (_DPI / 72) ** 2 > _MEGAPIXELS * 1_000_000:
                raise ValueError
            yield page.render(scale=_DPI / 72).to_pil().convert("L")
    finally:
        document.close()


def _refusal(where: str) -> UsageError:
    return UsageError("ocr.no_picture", where=where, pages=_PAGES, megapixels=_MEGAPIXELS)


def _recognised(picture: Image, languages: str) -> str:
    """Tesseract's table of words (TSV)."""
    given = BytesIO()
    picture.save(given, "PNG")
    try:
        done = subprocess.run(
            ["tesseract", "stdin", "stdout", "-l", languages, "--dpi", str(_DPI), "--psm", "4", "tsv"],
            input=given.getvalue(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        raise UsageError("ocr.no_tesseract", names=languages) from None
    return done.stdout.decode("utf-8", "replace")


def _lines(table: str, page: int) -> list[Line]:
    found: dict[tuple[str, ...], list[tuple[str, float, int]]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == "5" and cells[11].strip():
            found.setdefault(tuple(cells[2:5]), []).append(
                (cells[11].strip(), float(cells[10]), int(cells[9]))
            )
    return [
        Line(
            _joined([word for word, _, _ in words]),
            max(0, round(min(confidence for _, confidence, _ in words))),
            max(height for _, _, height in words),
            page,
        )
        for words in found.values()
    ]


def _joined(words: list[str]) -> str:
    text = ""
    for word in words:
        close = text and (_is_wide(text[-1]) or text[-1] in "-@.") and (_is_wide(word[0]) or word[0] in "-@.")
        text += word if not text or close else f" {word}"
    return text


def _is_wide(letter: str) -> bool:
    return "\u2e80" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef"
