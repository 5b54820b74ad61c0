"""What a run is doing right now: the journal's states, corrected by what processes really do, with metrics and progress."""

from tunebook.pipeline.watch.live import Live, Point, Progress
from tunebook.pipeline.watch.look import Look, look

__all__ = ["Live", "Look", "Point", "Progress", "look"]
