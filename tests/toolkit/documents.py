"""Pages and PDF documents, good ones and hostile ones, made by hand."""

import zlib

ARTICLE = """<!DOCTYPE html><html><head><title>On Lamps &amp; Light</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article><h1>On Lamps</h1>
<p>A lamp is a thing that gives light where there was none, and people have had them for a very long time.</p>
<p>Read <a href="/more">more about wicks</a>, which are what carries the oil upwards into the flame of the lamp.</p>
<table><tr><th>Lamp</th><th>Lumen</th></tr><tr><td>Candle</td><td>12</td></tr></table></article>
<footer>Imprint and privacy, all rights reserved</footer><script>alert(1)</script></body></html>"""


def pdf(*pages: str, title: str = "") -> bytes:
    """A PDF with a line of text on each page."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode("latin-1") for text in pages]
    return _pdf_of([_stream(stream) for stream in streams], title)


def pdf_bomb(size: int) -> bytes:
    """A PDF whose page is decompressed to `size` bytes."""
    packed = zlib.compress(b"0 " * (size // 2), 9)
    return _pdf_of([_stream(packed, filters=b"/Filter /FlateDecode ")], "")


def pdf_going_round() -> bytes:
    """A PDF whose pages lead back to themselves."""
    return _written([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1000000 >>",
        b"<< /Type /Pages /Kids [2 0 R 2 0 R 2 0 R] /Parent 2 0 R /Count 1000000 >>",
    ])  # fmt: skip


def pdf_of_endless_work() -> bytes:
    """A PDF whose page is a long program that draws text: millions of operators."""
    return _pdf_of([_program(2_000_000)], "")


def pdf_of_slow_pages(count: int) -> bytes:
    """A PDF of which every page takes a while."""
    return _pdf_of([_program(20_000)] * count, "")


def _program(operators: int) -> bytes:
    program = b"BT /F1 12 Tf " + b"1 0 0 1 0 0 Tm (a) Tj " * operators + b"ET"
    return _stream(zlib.compress(program, 9), filters=b"/Filter /FlateDecode ")


def _stream(data: bytes, filters: bytes = b"") -> bytes:
    return b"<< " + filters + b"/Length %d >>\nstream\n" % len(data) + data + b"\nendstream"


def _pdf_of(contents: list[bytes], title: str) -> bytes:
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (5 + 2 * number) for number in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (%s) >>" % title.encode("latin-1"),
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (6 + 2 * number)
        )
        objects.append(content)
    return _written(objects, info=b"/Info 4 0 R ")


def _written(objects: list[bytes], info: bytes = b"") -> bytes:
    out = b"%PDF-1.4\n"
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer << /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, info, start)
