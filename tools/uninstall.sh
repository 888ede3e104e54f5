#!/usr/bin/env bash
# Removes what a stack on this machine has left once it is taken away: the images that it built, the local Karmada if
# this checkout has made it, the state in the checkout and the passphrase beside it. Other stacks in that state keep all.
# So do those that have resources in the backend that tools/pulumi.sh uses: they may use the images and that Karmada.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${STACK:?}"
others=
[ ! -e .state/.pulumi/stacks ] || others=$(find .state/.pulumi/stacks -name '*.json')
if [ -n "$others" ]; then
    # shellcheck disable=SC2086
    echo "The rest stays, for other stacks are in .state: $(basename -a -s .json $others | paste -sd ' ' -)" >&2
    echo "  take them away first: STACK=NAME make uninstall" >&2
    exit 1
fi
if ! stacks=$(tools/pulumi.sh stack ls --json); then
    echo "The rest stays, for whether other stacks use it could not be found out: see above" >&2
    exit 1
fi
using=$(.venv/bin/python -c 'import json, sys
print(*(stack["name"] for stack in json.load(sys.stdin) if stack.get("resourceCount") != 0))' <<<"$stacks")
if [ -n "$using" ]; then
    echo "The rest stays, for other stacks may use it: $using" >&2
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
