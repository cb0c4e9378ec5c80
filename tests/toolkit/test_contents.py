import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.toolkit.contents import decode, kind_of

TEXT = "Grüße aus Köln, 東京"
WESTERN = "Grüße aus Köln — “quoted” for 5 €"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.mark.parametrize(
    ("content_type", "head", "kind"),
    [
        ("text/html; charset=utf-8", b"<p>", "html"),
        ("TEXT/HTML", b"", "html"),
        ("application/xhtml+xml", b"<html/>", "html"),
        ("application/pdf", b"%PDF-1.7", "pdf"),
        ("application/octet-stream", b"%PDF-1.7", "pdf"),
        ("text/html", b"%PDF-1.4", "pdf"),
        ("text/plain", b"hello", "text"),
        ("text/markdown", b"# hello", "text"),
        ("application/json", b"{}", "text"),
        ("application/ld+json", b"{}", "text"),
        ("application/rss+xml; charset=utf-8", b"<rss/>", "text"),
        ("image/svg+xml", b"<svg/>", "text"),
        ("text/csv", b"a,b", "text"),
        ("", b"<!DOCTYPE html><html>", "html"),
        ("", b"  \n<HTML lang='en'>", "html"),
        ("", b"plain words", "text"),
        ("", b"\xff\xfeh\x00i\x00", "text"),
        ("", PNG, "binary"),
        ("application/octet-stream", b"words", "text"),
        ("application/octet-stream", b"PK\x03\x04", "binary"),
        ("image/png", PNG, "binary"),
        ("application/pdf", b"<html>log in</html>", "binary"),
        ("application/zip", b"PK\x03\x04", "binary"),
        ("video/mp4", b"", "binary"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK", "binary"),
        ("nonsense", b"", "binary"),
    ],
)
def test_the_kind_is_known_by_the_header_and_the_first_bytes(content_type, head, kind):
    assert kind_of(content_type, head) == kind


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (TEXT.encode(), "text/html; charset=utf-8", TEXT),
        (TEXT.encode(), "text/html", TEXT),
        (codecs.BOM_UTF8 + TEXT.encode(), "text/html; charset=iso-8859-1", TEXT),
        (TEXT.encode("utf-16"), "text/plain", TEXT),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "text/plain; charset=ascii", TEXT),
        (TEXT.encode("utf-16-le"), "text/plain; charset=utf-16le", TEXT),
        (WESTERN.encode("cp1252"), "text/html; charset=iso-8859-1", WESTERN),
        (WESTERN.encode("cp1252"), 'text/html; charset="windows-1252"', WESTERN),
        (WESTERN.encode("cp1252"), "text/html", WESTERN),
        (TEXT.encode(), "text/html; charset=iso-8859-1", TEXT),
        ("Привет".encode("koi8-r"), "text/plain; charset=koi8-r", "Привет"),
        ("こんにちは".encode("shift_jis"), "text/plain; charset=Shift_JIS", "こんにちは"),
        ("你好".encode("gb18030"), "text/plain; charset=gb2312", "你好"),
        ("こんにちは".encode("iso2022_jp"), "text/plain; charset=iso-2022-jp", "こんにちは"),
        ("<meta charset=koi8-r><p>Привет".encode("koi8-r"), "text/html", "<meta charset=koi8-r><p>Привет"),
        (
            '<?xml version="1.0" encoding="euc-jp"?><a>日本</a>'.encode("euc_jp"), "text/xml",
            '<?xml version="1.0" encoding="euc-jp"?><a>日本</a>',
        ),
        (WESTERN.encode("cp1252"), "text/html; charset=no-such-thing", WESTERN),
        (b"", "text/plain", ""),
    ],
)  # fmt: skip
def test_text_is_read_in_the_characters_it_was_written_in(body, content_type, text):
    assert decode(body, content_type) == text


def test_a_character_that_was_cut_at_the_end_is_left_out():
    assert decode("naïve ü".encode()[:-1], "text/plain; charset=utf-8") == "naïve "


def test_bytes_that_the_declared_charset_does_not_have_are_replaced():
    assert decode(b"caf\xe9 \xff", "text/plain; charset=utf-8") == "caf\ufffd \ufffd"


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "unicode_escape", "utf-7", "rot13", "zlib", "base64", "undefined"]
)
def test_codecs_that_no_page_is_written_in_are_not_used(name):
    assert decode(rb"a\x62-+AGE-", f"text/plain; charset={name}") == r"a\x62-+AGE-"


@pytest.mark.timeout(20)
def test_a_megabyte_in_any_declared_codec_is_read_at_once():
    for name in ("punycode", "idna", "utf-7", "hz", "utf-8", "big5"):
        decode(b"a-" * 500_000, f"text/plain; charset={name}")


@given(st.binary(max_size=400), st.text(max_size=60))
def test_whatever_comes_is_some_text(body, content_type):
    assert isinstance(decode(body, content_type), str)
    assert kind_of(content_type, body) in ("html", "pdf", "text", "binary")


@given(st.text(max_size=200))
def test_utf8_is_read_back_whatever_a_western_header_says(text):
    # A lone mark of another encoding at the very beginning is one.
    if not text.startswith("\ufeff"):
        assert (
            decode(text.encode("utf-8", "replace"), "text/html; charset=latin1")
            == text.encode("utf-8", "replace").decode()
        )
