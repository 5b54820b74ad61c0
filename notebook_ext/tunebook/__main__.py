"""`python -m tunebook` is the terminal's `tunebook`."""

from tunebook.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
