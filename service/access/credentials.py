"""Keys and session tokens: 256 random bits each. The database has their hashes only."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

PREFIX: Final = "adv_"
"""So that a key that was left somewhere is recognised as one."""
KEY: Final = re.compile(r"adv_[A-Za-z0-9_-]{43}")
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """A key, which matches `KEY`."""
    return PREFIX + new_token()


def new_token() -> str:
    """A session token, which matches `TOKEN`."""
    return secrets.token_urlsafe(32)


def sha256_of(secret: str) -> str:
    """What is stored. A plain hash is enough, because nobody can try 2**256 secrets; and it is looked up by an index,
    whose timing tells something about the hash at most."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(session: str) -> str:
    """What a page of this session proves itself by: nobody can make it without the session's own token."""
    return hmac.new(session.encode(), b"form", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
