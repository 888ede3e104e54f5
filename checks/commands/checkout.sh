#!/bin/sh
# Puts the sources of REPOSITORY at COMMIT, which REF must be, into DIRECTORY, without .git; prints DIRECTORY.
# Does nothing when they are there. A failure leaves nothing behind.
set -eu
: "${REPOSITORY:?}" "${REF:?}" "${COMMIT:?}" "${DIRECTORY:?}"
if [ ! -d "$DIRECTORY" ]; then
    mkdir -p "$(dirname "$DIRECTORY")"
    work=$(mktemp -d "$(dirname "$DIRECTORY")/checkout.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    git init -q --bare "$work/git"
    git -C "$work/git" fetch -q --depth=1 "$REPOSITORY" "$REF" >&2
    found=$(git -C "$work/git" rev-parse 'FETCH_HEAD^{commit}')
    if [ "$found" != "$COMMIT" ]; then
        echo "$REF is commit $found there, not $COMMIT" >&2
        exit 1
    fi
    mkdir "$work/tree"
    git -C "$work/git" archive "$COMMIT" | tar -x -C "$work/tree"
    mv "$work/tree" "$DIRECTORY" 2>/dev/null || [ -d "$DIRECTORY" ]
fi
echo "$DIRECTORY"
