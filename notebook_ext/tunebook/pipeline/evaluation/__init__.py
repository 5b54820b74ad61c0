"""Scores of the base and every checkpoint, with intervals, paired tests and one honest sentence."""
