"""The version, in a file that every layer may import and the build reads."""

__version__ = "0.1.0"
