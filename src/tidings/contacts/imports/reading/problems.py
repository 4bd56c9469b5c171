"""What a reader tells when it cannot go on."""

from __future__ import annotations


class BadFileError(Exception):
    """The file cannot be read as a list of contacts; the text says why and what to do."""
