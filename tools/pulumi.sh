#!/usr/bin/env bash
# Runs pulumi on the stack STACK. Installs the CLI into the checkout if there is none on PATH, and keeps the state in
# the checkout if no backend is configured. up, preview, `config` alone, `config set` and `config rm` create a stack that
# has a file Pulumi.STACK.yaml; other commands create none.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${STACK:?}"
case ${1:-} in
up | preview | config)
    if [ ! -e "Pulumi.${STACK##*/}.yaml" ]; then
        stacks=$(for file in Pulumi.*.yaml; do file=${file#Pulumi.}; echo "${file%.yaml}"; done | paste -sd ' ' -)
        echo "STACK=$STACK is no stack: there is no Pulumi.${STACK##*/}.yaml; there are $stacks" >&2
        echo "  a new one begins with a file of its own: cp Pulumi.prod.yaml Pulumi.${STACK##*/}.yaml" >&2
        exit 1
    fi
    ;;
esac
version=$(sed -n 's/^pulumi==//p' requirements.txt)
own=$PWD/.tools/pulumi

PATH=$PATH:$own/bin
if ! command -v pulumi >/dev/null; then
    echo "Installing the pulumi CLI $version into .tools/pulumi" >&2
    mkdir -p "$own"
    if ! curl -fsSL https://get.pulumi.com | sh -s -- --version "$version" --install-root "$own" --no-edit-path >&2; then
        echo "The pulumi CLI could not be downloaded. Install it by hand (https://www.pulumi.com/docs/install/) and run" >&2
        echo "this again. \`make render STACK=$STACK\` needs neither it nor a cluster." >&2
        exit 1
    fi
fi

# a backend is configured by PULUMI_BACKEND_URL or by `pulumi login`
if [ -z "${PULUMI_BACKEND_URL:-}" ] && ! grep -qs '"current": *"[^"]' "${PULUMI_HOME:-$HOME/.pulumi}/credentials.json"; then
    mkdir -p -m 700 .state
    export PULUMI_BACKEND_URL=file://$PWD/.state
fi
# if the user sets no passphrase and the state is in a directory, the passphrase is in a file beside it
if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ] && [[ ${PULUMI_BACKEND_URL:-} == file://* ]]; then
    state=${PULUMI_BACKEND_URL#file://}
    state=${state/#\~/$HOME}
    if [ "$state" = "$PWD/.state" ] && [ ! -e "$state/passphrase" ]; then
        (umask 077 && head -c 32 /dev/urandom | base64 >"$state/passphrase")
    fi
    [ ! -e "$state/passphrase" ] || export PULUMI_CONFIG_PASSPHRASE_FILE=$state/passphrase
fi

# of all stacks, so that of STACK need not be there
[ "${1:-} ${2:-}" != "stack ls" ] || exec pulumi "$@" --non-interactive
creates='' provider=''
case "${1:-} ${2:-}" in
"up "* | "preview "* | "config " | "config set"* | "config rm"*)
    creates=--create
    # without it Pulumi would begin with a passphrase, and take the provider and its wrapped key out of that file
    provider=$(sed -n 's/^secretsprovider: *"*\([^"]*\)"*$/--secrets-provider=\1/p' "Pulumi.${STACK##*/}.yaml")
    ;;
esac
pulumi stack select --non-interactive ${creates:+"$creates"} ${provider:+"$provider"} "$STACK" >/dev/null
# at a terminal, up and destroy ask before they begin, unless --yes is given, and `config set` for a value
asks=--non-interactive
case "${1:-} ${2:-}" in
"up "* | "destroy "* | "config set"*) [[ " $* " == *" --yes "* ]] || ! [ -t 0 ] || asks= ;;
esac
exec pulumi "$@" --stack "$STACK" ${asks:+"$asks"}
