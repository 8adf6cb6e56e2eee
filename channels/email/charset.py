"""Octets of a mail as text, whatever charset they claim.

Names are read as the WHATWG Encoding Standard reads them: a mail that says `gb2312` was mostly
written in GB 18030, one that says `iso-8859-1` in Windows-1252.
"""

import re

import charset_normalizer

from channels.text import decode as decode_by_fallback

_READ_AS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80", "cp936", "gb18030"), ("gb18030",)),
    **dict.fromkeys(("big5", "x-x-big5", "cn-big5", "big5-hkscs"), ("cp950", "big5hkscs")),
    **dict.fromkeys(("ks_c_5601-1987", "ks_c_5601", "euc-kr", "ksc5601"), ("cp949",)),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis"), ("cp932", "shift_jisx0213")),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1"), ("windows-1252", "latin-1")),
    **dict.fromkeys(
        ("iso-2022-jp", "csiso2022jp"), ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_3")
    ),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e"), ("iso-8859-8",)),
    **dict.fromkeys(("unicode-1-1-utf-7", "x-unicode-2-0-utf-7"), ("utf-7",)),
    "iso-8859-9": ("windows-1254", "iso-8859-9"),
    "iso-8859-11": ("cp874",),
    "tis-620": ("cp874",),
    "windows-874": ("cp874",),
    "windows-31j": ("cp932",),
    "utf8": ("utf-8",),
}
_EAST_ASIAN = frozenset({"gb18030", "cp950", "cp949", "cp932", "iso2022_jp"})
_MULTIBYTE = _EAST_ASIAN | {"utf-8", "utf-7"}
# Says nothing of the octets above 127.
_SILENT = frozenset({"", "us-ascii", "ascii", "unknown-8bit", "unknown", "x-unknown", "8bit"})
# Python calls these codecs; they are no charsets.
_NO_CHARSETS = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "unicode_internal"}
)

# What mail is written in; of all its codecs the library would choose forgotten ones as well.
_GUESSED = [
    *("gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp949", "koi8_r", "cp874", "cp1250"),
    *("cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
]
_GUESS_OCTETS = 20_000
_LITTLE = 32
_LONE_HIGH = re.compile(
    rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])|(?<=[A-Za-z])[\x80-\xff]{2}(?=[a-z])"
)
# Signs in Windows-1252, rare in a text; in Big5 the commonest characters begin with them.
_SIGN = re.compile(rb"[\xa1\xa2\xa4-\xa8\xaa\xac-\xaf\xb1-\xb3\xb5-\xba\xbc-\xbe]")
_HIGH = re.compile(rb"[\x80-\xff]+")
# A character of EUC-CN; the first 40 rows of GB 2312 hold the common ones.
_EUC_CN = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
_COMMON_GB = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
_BIG5 = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf9][\x40-\x7e\xa1-\xfe])*+")
_COMMON_BIG5 = re.compile(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]")


def decode(raw: bytes, stated: str | None) -> tuple[str, str | None]:
    """`raw` as text, and what was wrong with its charset, or None.

    >>> decode("朱镕基".encode("gbk"), "gb2312")
    ('朱镕基', None)
    """
    name = (stated or "").strip().strip("'\"").lower()
    if name in _SILENT:
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii"), None
        return guess(raw)
    codecs = () if _is_no_charset(name) else _READ_AS.get(name, (name,))
    by_utf8 = codecs and codecs[0] not in _MULTIBYTE and _utf8(raw)
    # Text of a single-byte charset is by chance hardly ever UTF-8.
    if by_utf8:
        return by_utf8, f"says {name[:40]}, is UTF-8"
    for codec in codecs:
        try:
            return raw.decode(codec), None
        except (LookupError, ValueError):
            continue
    return _read_in_spite(raw, name, codecs)


def _is_no_charset(name: str) -> bool:
    return name.replace("-", "_") in _NO_CHARSETS or not name.isascii() or "\0" in name


def _utf8(raw: bytes) -> str | None:
    """`raw` when it is UTF-8 and not merely ASCII."""
    if raw.isascii():
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _read_in_spite(raw: bytes, name: str, codecs: tuple[str, ...]) -> tuple[str, str]:
    known = _known(codecs)
    if known is None:
        return guess(raw)[0], f"unknown charset {name[:40]!r}; guessed"
    text = _utf8(raw)
    if text is not None:
        return text, f"says {name[:40]}, is UTF-8"
    # A few damaged octets among others of that charset: it is right, they are not.
    kept = raw.decode(known, "replace")
    damaged = kept.count("\ufffd")
    few = known in _EAST_ASIAN or damaged * 20 <= len(kept)
    if few and damaged * 2 <= sum(not c.isascii() for c in kept):
        return kept, f"octets that are no {name[:40]}"
    if known == "utf-8" and len(raw) < _LITTLE and not _candidates(raw):
        # Nothing speaks for any charset; a guess would make up characters.
        return kept, f"octets that are no {name[:40]}"
    return guess(raw)[0], f"not {name[:40]}; guessed"


def _known(codecs: tuple[str, ...]) -> str | None:
    for codec in codecs:
        try:
            b"\0\0\0\0".decode(codec, "replace")
        except (LookupError, ValueError):
            continue
        return codec
    return None


def guess(raw: bytes) -> tuple[str, str | None]:
    """`raw`, whose charset nobody states, as text; the problem says what it was taken for."""
    try:
        return raw.decode(), None if raw.isascii() else "no charset stated; is UTF-8"
    except UnicodeDecodeError:
        pass
    for codec in _candidates(raw):
        try:
            return raw.decode(codec), f"no charset stated; read as {codec}"
        except (LookupError, ValueError):
            continue
    return decode_by_fallback(raw)


def _candidates(raw: bytes) -> list[str]:
    sample = raw[:_GUESS_OCTETS]
    runs = _HIGH.findall(sample)
    # Accented letters stand alone among ASCII; the octets of Chinese come in pairs.
    alone = _LONE_HIGH.findall(sample)
    if len(alone) * 2 > len(runs) and not _looks_like_big5(sample):
        signs = len(_SIGN.findall(b" ".join(alone)))
        is_big5 = signs * 2 > len(alone) and _BIG5.fullmatch(sample) is not None
        return ["cp950"] if is_big5 else ["windows-1252", "latin-1"]
    if all(_EUC_CN.fullmatch(run) for run in runs):
        octets = sum(map(len, runs))
        if len(_COMMON_GB.findall(b" ".join(runs))) * 2 >= 0.8 * octets:
            return ["gb18030"]
    if _looks_like_big5(sample):
        return ["cp950", "big5hkscs"]
    best = charset_normalizer.from_bytes(sample, cp_isolation=_GUESSED).best()
    return [best.encoding] if best else []


def _looks_like_big5(sample: bytes) -> bool:
    if not _BIG5.fullmatch(sample):
        return False
    pairs = re.findall(rb"[\xa1-\xf9][\x40-\x7e\xa1-\xfe]", sample)
    common = _COMMON_BIG5.findall(b" ".join(pairs))
    low_trail = sum(pair[1] < 0x7F for pair in pairs)
    # A western text has its accented letters before small letters, hardly ever before A-Z.
    capital = sum(pair[1] < 0x61 for pair in pairs)
    return len(common) > 0.8 * len(pairs) and capital >= 0.1 * len(pairs) and low_trail > 1
