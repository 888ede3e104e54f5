#!/usr/bin/env bash
# What a machine does with the stack STACK without a person: .github/workflows/stack.yml, deploy/systemd and the image of
# deploy/Dockerfile run this.
#
#   up       deploys, and renews what is due. Says in its last line which members are behind. Exit code: pulumi's
#   drift    compares the clusters with the state, and writes neither. Exit code: 0 if nothing drifted, 1 if something
#            did, 2 if that could not be found out
#   preview  prints what an up would do as Markdown, for a comment on a pull request. Exit code: pulumi's
#
# PULUMI_BACKEND_URL and whatever decrypts the state come from the environment, and the stack must exist: with the wrong
# backend a machine would begin a second one.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${STACK:?names no stack}" "${PULUMI_BACKEND_URL:?is not set, and a state in this checkout would be lost with it}"
export PULUMI_SKIP_UPDATE_CHECK=true

# .venv is up to date with an identical copy of the lock, as in the Makefile; an image has no make, and needs none
pulumi_on_the_stack() {
    { cmp -s requirements.lock .venv/requirements.lock || make --silent .venv/requirements.lock >&2; } &&
        tools/pulumi.sh stack --show-name >/dev/null &&
        tools/pulumi.sh "$@" --color never
}

# GitHub accepts 65,536 characters in a comment; awk counts bytes or characters, and cuts at the end of a line
beginning_of() {
    awk '{ size += length($0) + 1; if (size > 60000) { print "[cut here: the log of this run has the rest]"; exit } print }' "$1"
}

code=0
case ${1:-} in
up)
    pulumi_on_the_stack up --yes --skip-preview --continue-on-error || code=$?
    behind=$(tools/pulumi.sh stack output behind | tr -d '[]"') || behind=unknown
    [ "$code" = 0 ] || echo "up failed with exit code $code: what is behind is as the last up that went through has it" >&2
    echo "behind: ${behind:-none}"
    ;;
drift)
    pulumi_on_the_stack refresh --preview-only --expect-no-changes || code=$?
    case $code in
    0) echo "no drift" ;;
    7) # pulumi's code for changes where none were expected
        echo "drift: see above. \`pulumi refresh --preview-only --diff\` shows values, \`pulumi up --refresh\` puts them back" >&2
        code=1
        ;;
    *)
        echo "drift: could not be found out, since pulumi ended with exit code $code" >&2
        code=2
        ;;
    esac
    ;;
preview)
    said=$(mktemp)
    trap 'rm -f "$said"' EXIT
    pulumi_on_the_stack preview --diff >"$said" 2>&1 || code=$?
    cat "$said" >&2
    fence='````````````'
    echo "<!-- karmada-anp: preview of $STACK -->" # by this line deploy/github.sh finds the comment again
    if [ "$code" = 0 ]; then
        echo "What an \`up\` of \`$STACK\` would do:"
        echo "$fence"
        sed -n '/^Resources:/,/^$/p' "$said"
        echo "$fence"
    else
        echo "**The preview of \`$STACK\` failed**, and so would an \`up\`:"
    fi
    echo "<details><summary><code>pulumi preview --diff</code></summary>"
    echo
    echo "$fence"
    beginning_of "$said"
    echo "$fence"
    echo "</details>"
    ;;
*)
    sed -n '2,/^#   preview/s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
exit "$code"
