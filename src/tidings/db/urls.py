"""One database address in the two spellings our drivers want."""

from __future__ import annotations


def sqlalchemy_url(url: str) -> str:
    """For SQLAlchemy: postgresql+asyncpg://…"""
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def asyncpg_url(url: str) -> str:
    """For asyncpg itself: postgresql://…"""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"
