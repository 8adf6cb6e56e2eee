"""Telephone numbers as addresses: E.164 where there is one (ITU-T E.164, by `phonenumbers`)."""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

LONGEST_NUMBER = 64
"""Characters; what is longer is no telephone number (E.164 has 15 digits at most)."""

# What a carrier or a platform writes before a number: RFC 3966, RFC 5724, Twilio's WhatsApp.
_SCHEME = re.compile(r"(?:tel|sms|whatsapp):", re.IGNORECASE | re.ASCII)
_SHORT = re.compile(r"\d{3,8}", re.ASCII)
# China's numbers for applications (MIIT numbering plan: 106 and up to 17 further digits).
_CHINA_APPLICATION = re.compile(r"(?:\+?86|0086)?106\d{5,17}", re.ASCII)
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 .&_-]{1,11}", re.ASCII)


def bare(number: str) -> str:
    """`number` without white space around it and without `tel:`, `sms:` or `whatsapp:`."""
    return _SCHEME.sub("", number.strip(), count=1).strip()


def normalize(number: str, region: str | None) -> str | None:
    """`number` in E.164 (`+8613800138000`), or None when it is no such number.

    A number written internationally needs a possible length only, for a carrier delivered it. One
    without its country code is read as a number of `region` (ISO 3166-1 alpha-2) and must be valid
    there: an extension or a short code would otherwise become a stranger's number.

    >>> normalize("138 0013 8000", "CN"), normalize("whatsapp:+14155238886", None)
    ('+8613800138000', '+14155238886')
    >>> normalize("1001", "CN") is None
    True
    """
    text = bare(number)
    if not text or len(text) > LONGEST_NUMBER or is_short_code(text, region):
        return None
    try:
        found = phonenumbers.parse(text, region.upper() if region else None)
    except NumberParseException:
        return None
    international = text.lstrip("(").startswith(("+", "＋"))
    good = phonenumbers.is_possible_number if international else phonenumbers.is_valid_number
    return phonenumbers.format_number(found, PhoneNumberFormat.E164) if good(found) else None


def is_short_code(number: str, region: str | None) -> bool:
    """Whether a machine alone can have sent from `number`: a short code, or China's 106 numbers.

    Three to eight digits are a short code, unless they are a whole number in `region` (as in Hong
    Kong, with eight).
    """
    text = bare(number)
    chinese = (region or "").upper() == "CN" or text.startswith(("+86", "0086"))
    if chinese and _CHINA_APPLICATION.fullmatch(text):
        return True
    return bool(_SHORT.fullmatch(text)) and not _is_whole_number(text, region)


def is_alphanumeric(number: str) -> bool:
    """Whether `number` is a sender's name of letters (3GPP TS 23.040, at most 11 characters).

    Nobody can answer such a sender.
    """
    return bool(_ALPHANUMERIC.fullmatch(bare(number)))


def _is_whole_number(digits: str, region: str | None) -> bool:
    if not region:
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region.upper()))
    except NumberParseException:
        return False
