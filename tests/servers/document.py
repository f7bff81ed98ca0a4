"""The fenced blocks of the documents. A test that runs one takes it from where readers copy it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^([ \d.]*)```\w+\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def block(document: str, holds: str) -> str:
    """The one block of the document that holds this. In a list all of it stands further in."""
    blocks = FENCED.findall((ROOT / document).read_text())
    (found,) = (re.sub(rf"^ {{{len(before)}}}", "", text, flags=re.MULTILINE) for before, text in blocks if holds in text)
    return found
