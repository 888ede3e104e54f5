#!/bin/sh
# Runs one of the modules beside it in the program's own interpreter: the active virtual environment's, the checkout's
# own .venv's, or the one on PATH (an image's), whichever has the program's packages first. A path in the stack's state
# must be the same in every checkout, so this one is relative to it, and the interpreter's is in none.
for python in "${VIRTUAL_ENV:-.venv}/bin/python" .venv/bin/python python3; do
    if "$python" -c 'import importlib.util as u; raise SystemExit(u.find_spec("kubernetes") is None)' 2>/dev/null; then
        exec "$python" -m "checks.commands.$1"
    fi
done
echo "no Python with the packages of requirements.txt is here: \`make .venv/requirements.lock\` makes .venv" >&2
exit 1
