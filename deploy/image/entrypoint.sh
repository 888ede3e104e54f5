#!/usr/bin/env bash
# The first process of the image, of deploy/systemd and of GitHub's `up`: runs deploy/run.sh, and when it is stopped ends
# that as ^C does at a terminal, so that pulumi ends what it is doing and records it. Its plugins, in groups of their own,
# get no signal.
#
# run.sh alone would not: the kernel keeps SIGTERM from a first process that has no handler for it, and a shell with one
# handles it only when the program that it waits for has ended.
set -euo pipefail
set -m # run.sh and what it starts are a process group of their own, in which SIGINT is not ignored
"$(dirname "$0")/../run.sh" "$@" &
run=$!
trap 'again=yes; kill -s INT -- "-$run"' TERM INT
# a signal ends the wait, but not run.sh
while
    again='' code=0
    wait "$run" || code=$?
    [ -n "$again" ]
do :; done
exit "$code"
