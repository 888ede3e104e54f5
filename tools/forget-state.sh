#!/usr/bin/env bash
# Removes the state that is kept in the checkout (.state), and the passphrase with it, unless another stack is in it.
set -euo pipefail
cd "$(dirname "$0")/.."
others=$(find .state/.pulumi/stacks -name '*.json' 2>/dev/null || true)
if [ -n "$others" ]; then
    echo "The state in .state stays, for other stacks are in it: $(basename -a -s .json $others | paste -sd ' ' -)" >&2
    echo "  take them away first: STACK=NAME make uninstall" >&2
    exit 1
fi
rm -rf .state
