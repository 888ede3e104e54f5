#!/usr/bin/env bash
# `up` makes Karmada's own local environment, at a pinned release. Its script deletes kind clusters that have the names
# it uses, so it is run only where neither such clusters nor their contexts exist.
# `down` removes that environment, by Karmada's script too, where this checkout made it.
set -euo pipefail
cd "$(dirname "$0")/.."
release=v1.18.2
repository=https://github.com/karmada-io/karmada
sources=.tools/karmada-$release
made=.local-karmada-made # not among what `make clean` removes, as it was in 0.1.0
[ ! -e .tools/local-karmada-made ] || mv .tools/local-karmada-made "$made"

have_sources() {
    [ -d "$sources" ] || git clone --quiet --depth=1 --branch "$release" "$repository" "$sources"
}

if [ "$1" = down ]; then
    [ -e "$made" ] || exit 0
    have_sources
    "$sources/hack/local-down-karmada.sh"
    rm "$made"
    exit
fi

# what cannot be asked ends this: it may have what would be deleted
for context in karmada.config/karmada-host karmada.config/karmada-apiserver members.config/member3; do
    [ -e "$HOME/.kube/${context%/*}" ] || continue
    contexts=$(kubectl --kubeconfig "$HOME/.kube/${context%/*}" config get-contexts --output=name)
    ! grep -qx "${context#*/}" <<<"$contexts" || exit 0
done
for name in karmada-host member1 member2 member3; do
    # docker is asked, since kind itself may not be installed yet
    nodes=$(docker ps --all --quiet --filter "label=io.x-k8s.kind.cluster=$name")
    [ -z "$nodes" ] || exit 0
done

by_hand() {
    echo "$1. Set up a local Karmada by hand (https://karmada.io/docs/get-started/nginx-example), or name your own" >&2
    echo "clusters in Pulumi.dev.yaml. \`make render\` needs none." >&2
    exit 1
}
for tool in git go kubectl; do
    command -v "$tool" >/dev/null || by_hand "There is no Karmada here, and making one needs $tool"
done
echo "Making Karmada's local environment ($release) with its hack/local-up-karmada.sh" >&2
have_sources || by_hand "Karmada's sources could not be downloaded from $repository"
touch "$made" # also of one that fails half-way something is left
"$sources/hack/local-up-karmada.sh" || by_hand "hack/local-up-karmada.sh failed: see above"
