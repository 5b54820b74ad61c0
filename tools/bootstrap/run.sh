#!/bin/sh
# Finds a Python that can set the project up and hands over to it: sh tools/bootstrap/run.sh demo|test
# PYTHON=/path/to/python chooses one.
set -eu
cd "$(dirname "$0")/../.."
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$candidate" -B -m tools.bootstrap "$@"
    fi
done
found=$("${PYTHON:-python3}" --version 2>/dev/null) || found="none"
[ -z "${PYTHON:-}" ] || found="$found (PYTHON=$PYTHON)"
cat >&2 <<END
Set-up stopped: Python 3.11 or newer is needed, found: $found.
  Debian 12 or newer, Ubuntu 24.04 or newer: sudo apt-get install python3 python3-venv
  Anywhere else: install Python 3.11 or newer, then make again with PYTHON=/path/to/python3
END
exit 1
