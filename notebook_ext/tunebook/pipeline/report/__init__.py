"""The report of a run: one HTML file that needs nothing else, and the curve as a PNG."""

from tunebook.pipeline.report.curve import draw_curve
from tunebook.pipeline.report.write import write_report

__all__ = ["draw_curve", "write_report"]
