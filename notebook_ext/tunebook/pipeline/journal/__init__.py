"""The journal: append-only events in one SQLite file, and the states folded from them."""

from tunebook.pipeline.journal.fold import AttemptState, RunState, fold
from tunebook.pipeline.journal.store import Event, Journal, StaleOwner
from tunebook.pipeline.journal.trouble import JournalRefused, JournalUnusable

__all__ = ["AttemptState", "Event", "Journal", "JournalRefused", "JournalUnusable", "RunState", "StaleOwner", "fold"]
