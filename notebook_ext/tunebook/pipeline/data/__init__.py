"""Data: where the rows lie, which format they have, what the trainer sees of them, and what is wrong with them."""

from __future__ import annotations

from tunebook.pipeline.data.source import Source, load_call, load_code, locate

__all__ = ["Source", "load_call", "load_code", "locate"]
