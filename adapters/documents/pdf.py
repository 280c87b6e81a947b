"""A PDF of headings and paragraphs: plain and searchable."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from adapters.documents.port import Section

if TYPE_CHECKING:
    from fpdf import FPDF

_LATIN: Final = "latin-1"


class PdfPress:
    """Keeps `adapters.documents.port.Press`, on A4 pages.

    Its fonts are those that every reader has, which know Latin letters only: what they lack is
    shown as a question mark.
    """

    def document(self, title: str, sections: Sequence[Section], made_at: datetime) -> bytes:
        """As the port has it."""
        from fpdf import FPDF  # noqa: PLC0415  # slow to read, and papers are rare

        pdf = FPDF()
        pdf.set_title(_plain(title))
        pdf.set_creation_date(made_at)
        pdf.set_auto_page_break(auto=True, margin=15)
        pdf.add_page()
        _line(pdf, title, size=16, style="B")
        for section in sections:
            pdf.ln(3)
            _line(pdf, section.title, size=12, style="B")
            for paragraph in section.paragraphs or ("Nothing is on record.",):
                _line(pdf, paragraph, size=9)
        return bytes(pdf.output())


def _line(pdf: "FPDF", text: str, *, size: int, style: str = "") -> None:
    pdf.set_font("helvetica", style=style, size=size)
    pdf.multi_cell(0, size * 0.5, _plain(text), new_x="LMARGIN", new_y="NEXT")


def _plain(text: str) -> str:
    return text.encode(_LATIN, "replace").decode(_LATIN)
