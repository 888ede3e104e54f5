#!/usr/bin/env bash
# What .github/workflows/stack.yml does on GitHub, by gh with the job's own token (GH_TOKEN, GH_REPO).
#
#   kubeconfig            puts the secret in KUBECONFIG_CONTENT into a file that only this user can read, outside the
#                         checkout, and its path into KUBECONFIG of the following steps
#   up                    deploy/run.sh up, which is interrupted as by ^C after 160 minutes, and 15 minutes before a
#                         session of SESSION_SECONDS ends: pulumi, killed or without its backend, would leave its lock
#   comment FILE NUMBER   comments on a pull request; the comment that begins with the same line is replaced
#   tell WHAT OUTCOME     opens an issue when WHAT failed, adds to it while it fails, closes it when it succeeds
set -euo pipefail

first() { sed -n 1p; }

case ${1:-} in
kubeconfig)
    : "${KUBECONFIG_CONTENT:?the secret KUBECONFIG is not set}"
    (umask 077 && printf '%s\n' "$KUBECONFIG_CONTENT" >"$RUNNER_TEMP/kubeconfig")
    echo "KUBECONFIG=$RUNNER_TEMP/kubeconfig" >>"$GITHUB_ENV"
    ;;
up)
    limit=$((160 * 60)) left=$((${SESSION_SECONDS:-86400} - 15 * 60))
    [ "$left" -ge "$limit" ] || limit=$left
    if [ "$limit" -le 0 ]; then # which is no limit to timeout
        echo "AWS_ROLE_SECONDS=$SESSION_SECONDS is too short: an up is interrupted 15 minutes before that" >&2
        exit 1
    fi
    exec timeout --foreground --signal=INT --kill-after=15m "$limit" "$(dirname "$0")/image/entrypoint.sh" up
    ;;
comment)
    file=$2 comments="repos/{owner}/{repo}/issues/$3/comments"
    # a preview that was killed has printed nothing, and with nothing every comment begins
    [ -s "$file" ] || printf '%s\n' "<!-- karmada-anp: preview of $STACK -->" \
        "**The preview of \`$STACK\` did not finish.**" >"$file"
    export MARKER
    MARKER=$(first <"$file")
    id=$(gh api --paginate "$comments" \
        --jq '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith(env.MARKER))) | .id' | first)
    if [ -n "$id" ]; then
        gh api --silent --method PATCH "repos/{owner}/{repo}/issues/comments/$id" --field "body=@$file"
    else
        gh api --silent --method POST "$comments" --field "body=@$file"
    fi
    ;;
tell)
    what=$2 outcome=$3
    run=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID
    export TITLE="deploy/run.sh $what fails for the stack $STACK"
    number=$(gh issue list --state open --limit 1000 --json number,title \
        --jq '.[] | select(.title == env.TITLE) | .number' | first)
    case $outcome:$number in
    failure:) gh issue create --title "$TITLE" --body "$run has the log. The section Unattended of docs/operations.md says what to do. This issue is closed when it succeeds." ;;
    failure:*) gh issue comment "$number" --body "Again: $run" ;;
    success:?*) gh issue close "$number" --comment "Succeeded: $run" ;;
    esac
    ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
