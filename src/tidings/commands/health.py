"""Asking a running API whether it lives."""

from __future__ import annotations

import urllib.request


def answers(base: str) -> bool:
    """Whether our API answers under this address within three seconds."""
    try:
        with urllib.request.urlopen(f"{base}/health", timeout=3) as answer:  # noqa: S310  (our own http address)
            return bool(answer.status == 200)
    except OSError:
        return False
