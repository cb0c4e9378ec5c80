"""What a response holds, and in which characters: its headers and its first bytes tell, and either may be wrong."""

import codecs
import re
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["html", "pdf", "text", "binary"]

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = frozenset({
    "application/json", "application/xml", "application/javascript", "application/ecmascript", "application/yaml",
    "application/x-yaml", "application/toml", "application/x-ndjson", "application/jsonl", "application/rtf",
    "application/x-sh", "application/x-httpd-php", "application/sql", "application/graphql", "message/rfc822",
})  # fmt: skip
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "unknown/unknown"})
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,400}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""", re.IGNORECASE)
_HEAD_BYTES = 4096
_LATIN = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "gb2312": "gb18030",
          "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}  # fmt: skip
"""What browsers take for what a page says."""
_CHARSETS = frozenset({
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp866", "cp874",
    "cp932", "cp949", "gb18030", "big5", "big5hkscs", "euc_jp", "iso2022_jp", "tis-620",
    *(f"cp{number}" for number in range(1250, 1259)),
    *(f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
})  # fmt: skip
"""Codecs that pages are written in. Others of Python's are refused: some take time that grows with the square."""


def kind_of(content_type: str, head: bytes) -> Kind:
    """What kind of content it is.

    Args:
        content_type: the header; empty if there is none.
        head: the first bytes.
    """
    essence = content_type.partition(";")[0].strip().lower()
    if head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\x00").startswith(b"%PDF-"):
        return "pdf"
    if essence in _HTML:
        return "html"
    if essence.startswith("text/") or essence in _PLAIN or essence.endswith(("+json", "+xml", "+yaml")):
        return "text"
    if essence in _UNTOLD and _looks_like_text(head):
        return "html" if _MARKUP.search(head) else "text"
    return "binary"


def decode(body: bytes, content_type: str) -> str:
    """The text of a body: by its mark, as UTF-8 if it is that, by its header, by what it says inside, as Latin."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body.decode(codec, "replace")
    declared = _declared(body, content_type)
    # Other charsets hardly ever happen to be valid UTF-8, so what says it is one of them often is not.
    is_sure = any(codec.startswith(("utf", "iso2022")) for codec in declared)
    candidates = declared if is_sure else ["utf-8", *declared]
    for codec in candidates:
        try:
            return codecs.getincrementaldecoder(codec)().decode(body)  # a character that was cut at the end is left out
        except UnicodeError:
            continue
    return body.decode(declared[0] if declared else "cp1252", "replace")


def _declared(body: bytes, content_type: str) -> list[str]:
    """Codecs that the header and the content name, those that are known."""
    head = body[:_HEAD_BYTES]
    named = [match[1] for match in [_HEADER_CHARSET.search(content_type)] if match]
    named += [match[1].decode("ascii") for match in [_XML_CHARSET.search(head), _META_CHARSET.search(head)] if match]
    found: list[str] = []
    for name in named:
        try:
            codec = codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
        codec = _LATIN.get(codec, codec)
        if codec in _CHARSETS and codec not in found:
            found.append(codec)
    return found


def _looks_like_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    return not _CONTROLS.search(head)
