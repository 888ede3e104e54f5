#!/bin/sh
# Tells somebody that the systemd unit $1 failed: on the standard input of the command TELL, by default in the journal
# with the priority of an error. The message has nothing of what the unit printed.
set -eu
unit=${1:?}
sh -c "${TELL:-systemd-cat --identifier=karmada-anp --priority=err}" <<MESSAGE
$unit failed on $(uname -n).
What it printed: journalctl --unit=$unit --since=-1d
What to do: docs/operations.md#unattended
MESSAGE
