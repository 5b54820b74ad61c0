"""Reading an instruction in plain words, by rule and without a language model."""

from tunebook.pipeline.instruction.reading import Question, Reading, Span, read

__all__ = ["Question", "Reading", "Span", "read"]
