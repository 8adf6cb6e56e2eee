"""Octets whose charset nobody states, or states wrongly, measured on real sentences."""

import csv
from pathlib import Path

import opencc
import pytest

from channels.email.charset import decode

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def sentences(shared_data: Path) -> list[str]:
    """Some hundred sentences of Chinese customers."""
    path = shared_data / "customer-messages/crosswoz_val_220dialogs.tsv"
    with path.open(newline="") as file:
        return sorted({row["text"] for row in csv.DictReader(file, delimiter="\t")})[::4]


@pytest.mark.parametrize("stated", ["", "utf-8", "x-nothing"])
@pytest.mark.parametrize(("encoding", "script"), [("gb18030", "t2s"), ("cp950", "s2t")])
def test_chinese_is_recognized(
    sentences: list[str], stated: str, encoding: str, script: str
) -> None:
    """99 of 100 sentences in GB 18030 or Big5 are read right by their octets alone."""
    converted = map(opencc.OpenCC(script).convert, sentences)
    texts = [one for one in converted if one.encode(encoding, "ignore").decode(encoding) == one]
    right = sum(decode(one.encode(encoding), stated)[0] == one for one in texts)
    assert len(texts) > 500
    assert right >= 0.99 * len(texts)
