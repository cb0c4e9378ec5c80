"""Text that can be stored and sent."""


def whole_characters(text: str) -> str:
    """The text with lone surrogates, which no file, socket or provider takes, replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
