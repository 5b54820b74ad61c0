"""What a run is doing right now: the journal's states, corrected by what processes really do, with metrics and progress."""

from tunebook.pipeline.watch.hardware import Usage
from tunebook.pipeline.watch.live import Live, Progress
from tunebook.pipeline.watch.look import Look, look
from tunebook.pipeline.watch.point import Point

__all__ = ["Live", "Look", "Point", "Progress", "Usage", "look"]
