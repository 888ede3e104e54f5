#!/usr/bin/env bash
# Removes what a stack on this machine has left once it is taken away: the images that it built, the local Karmada if
# this checkout has made it, the state in the checkout and the passphrase beside it. Other stacks in that state keep all.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${STACK:?}"
others=$(find .state/.pulumi/stacks -name '*.json' 2>/dev/null || true)
if [ -n "$others" ]; then
    # shellcheck disable=SC2086
    echo "The rest stays, for other stacks are in .state: $(basename -a -s .json $others | paste -sd ' ' -)" >&2
    echo "  take them away first: STACK=NAME make uninstall" >&2
    exit 1
fi
images=$(docker image ls --filter 'reference=localhost/karmada-anp/*' --format '{{.Repository}}:{{.Tag}}')
# shellcheck disable=SC2086
[ -z "$images" ] || docker image rm $images >/dev/null
tools/local-karmada.sh down
if [ -e .state ]; then
    # another passphrase does not fit this salt
    file=Pulumi.${STACK##*/}.yaml
    without=$(sed '/^encryptionsalt:/d' "$file")
    echo "$without" >"$file"
    rm -r .state
fi
