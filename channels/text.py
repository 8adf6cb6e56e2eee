"""Bytes whose charset nobody states, or states wrongly, as text."""

# GBK and GB 2312 are subsets of GB 18030; Windows-1252 lacks five octets, Latin-1 lacks none.
_FALLBACKS = ("gb18030", "windows-1252", "latin-1")


def decode(raw: bytes) -> tuple[str, str | None]:
    """`raw` as text, and what was wrong with it: None for UTF-8.

    >>> decode("投诉".encode()), decode("投诉".encode("gbk"))
    (('投诉', None), ('投诉', 'not UTF-8; read as gb18030'))
    """
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        pass
    for charset in _FALLBACKS:
        try:
            return raw.decode(charset), f"not UTF-8; read as {charset}"
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 reads every octet")
