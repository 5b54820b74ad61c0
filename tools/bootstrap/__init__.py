"""Sets a fresh clone up: system packages, virtual environment, PyTorch, Python and npm packages, bundles, the model.

Only Python's standard library, since nothing else is there yet. Each step leaves a stamp, a hash of everything that
decides its result, beside what it made: a second run compares stamps and is done in a second.
"""
