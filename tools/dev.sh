#!/bin/sh
# `make dev`: esbuild watches widgets/, anywidget reloads a changed bundle in the open notebook. Ctrl+C ends both.
set -eu
cd "$(dirname "$0")/.."
npm run watch --silent &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true' EXIT INT TERM
ANYWIDGET_HMR=1 .venv/bin/jupyter lab --notebook-dir=examples "$@"
