#!/usr/bin/env bash
# Steps 3 to 6 of Karmada's page for one member, as one script: the benchmark compares the stack's times with it.
#   by_hand.sh up SERVER_IMAGE AGENT_IMAGE   both built before; the server is the fork's, which opens :8088 by itself
#   by_hand.sh down
# On Karmada's local environment: host cluster karmada-host, member member3, each a kind cluster.
set -euo pipefail

for tool in docker kind kubectl openssl; do
    command -v "$tool" >/dev/null || { echo "$tool is not on PATH" >&2; exit 1; }
done

host() { kubectl --kubeconfig "$HOME/.kube/karmada.config" --context karmada-host --namespace karmada-system "$@"; }
karmada() { kubectl --kubeconfig "$HOME/.kube/karmada.config" --context karmada-apiserver "$@"; }
member() { kubectl --kubeconfig "$HOME/.kube/members.config" --context member3 --namespace karmada-system "$@"; }
address() { docker inspect --format '{{ .NetworkSettings.Networks.kind.IPAddress }}' "$1-control-plane"; }

# ca NAME: a key and its own certificate
ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1825 -subj "/CN=$1" \
        -keyout "$certs/$1.key" -out "$certs/$1.crt" 2>/dev/null
}

# leaf NAME CA USAGE [SUBJECT_ALTERNATIVE_NAMES]: a key and a certificate of a CA
leaf() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$certs/$1.key" -out "$certs/$1.csr" 2>/dev/null
    openssl x509 -req -in "$certs/$1.csr" -CA "$certs/$2.crt" -CAkey "$certs/$2.key" -CAcreateserial -days 1825 \
        -extfile <(printf 'extendedKeyUsage=%s\n%s\n' "$3" "${4:+subjectAltName=$4}") -out "$certs/$1.crt" 2>/dev/null
}

up() {
    local server_image=$1 agent_image=$2 host_address member_address
    host_address=$(address karmada-host)
    member_address=$(address member3)
    certs=$(mktemp -d)
    trap 'rm -rf "$certs"' EXIT

    # 3: certificates
    ca frontend-ca
    ca agent-ca
    leaf frontend frontend-ca serverAuth "DNS:kubernetes,DNS:localhost,IP:127.0.0.1"
    leaf agent-server agent-ca serverAuth "DNS:kubernetes,DNS:localhost,IP:$host_address"
    leaf agent agent-ca clientAuth
    kind load docker-image "$server_image" --name karmada-host
    kind load docker-image "$agent_image" --name member3

    # 4: proxy-server in the host cluster
    host create secret generic proxy-server-cert \
        --from-file=server-ca-cert.crt="$certs/frontend-ca.crt" \
        --from-file=server-cert.crt="$certs/frontend.crt" \
        --from-file=server-key.key="$certs/frontend.key" \
        --from-file=cluster-ca-cert.crt="$certs/agent-ca.crt" \
        --from-file=cluster-cert.crt="$certs/agent-server.crt" \
        --from-file=cluster-key.key="$certs/agent-server.key"
    host apply --filename - <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy-server}
spec:
  selector:
    matchLabels: {app: proxy-server}
  template:
    metadata:
      labels: {app: proxy-server}
    spec:
      hostNetwork: true
      containers:
        - name: proxy-server
          image: $server_image
          imagePullPolicy: IfNotPresent
          command: [/proxy-server]
          args:
            - --health-port=8092
            - --cluster-ca-cert=/var/certs/server/cluster-ca-cert.crt
            - --cluster-cert=/var/certs/server/cluster-cert.crt
            - --cluster-key=/var/certs/server/cluster-key.key
            - --mode=http-connect
            - --proxy-strategies=destHost
            - --server-ca-cert=/var/certs/server/server-ca-cert.crt
            - --server-cert=/var/certs/server/server-cert.crt
            - --server-key=/var/certs/server/server-key.key
          livenessProbe:
            httpGet: {path: /healthz, port: 8092}
            failureThreshold: 3
            initialDelaySeconds: 10
            periodSeconds: 10
            timeoutSeconds: 60
          volumeMounts:
            - {name: cert, mountPath: /var/certs/server}
      volumes:
        - name: cert
          secret: {secretName: proxy-server-cert}
EOF
    host rollout status deployment/proxy-server

    # 5: proxy-agent in the member
    member create secret generic proxy-agent-cert \
        --from-file=ca.crt="$certs/agent-ca.crt" \
        --from-file=proxy-agent.crt="$certs/agent.crt" \
        --from-file=proxy-agent.key="$certs/agent.key"
    member apply --filename - <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy-agent}
spec:
  selector:
    matchLabels: {app: proxy-agent}
  template:
    metadata:
      labels: {app: proxy-agent}
    spec:
      containers:
        - name: proxy-agent
          image: $agent_image
          imagePullPolicy: IfNotPresent
          command: [/proxy-agent]
          args:
            - --ca-cert=/var/certs/agent/ca.crt
            - --agent-cert=/var/certs/agent/proxy-agent.crt
            - --agent-key=/var/certs/agent/proxy-agent.key
            - --proxy-server-host=$host_address
            - --proxy-server-port=8091
            - --agent-identifiers=host=$member_address
          livenessProbe:
            httpGet: {path: /healthz, port: 8093}
            initialDelaySeconds: 15
            timeoutSeconds: 60
          volumeMounts:
            - {name: cert, mountPath: /var/certs/agent}
      volumes:
        - name: cert
          secret: {secretName: proxy-agent-cert}
EOF
    member rollout status deployment/proxy-agent

    # 6: karmada-agent reports the way, and Karmada takes it
    member patch deployment karmada-agent --type json --patch "[{
      \"op\": \"add\", \"path\": \"/spec/template/spec/containers/0/args\", \"value\": [
        \"--cluster-api-endpoint=https://$member_address:6443\", \"--proxy-server-address=http://$host_address:8088\"]}]"
    member rollout status deployment/karmada-agent
    until karmada get --raw /apis/cluster.karmada.io/v1alpha1/clusters/member3/proxy/readyz --request-timeout=5s; do
        sleep 0.5
    done
    echo
}

down() {
    member patch deployment karmada-agent --type json \
        --patch '[{"op": "remove", "path": "/spec/template/spec/containers/0/args"}]' || true
    member rollout status deployment/karmada-agent
    host delete deployment/proxy-server secret/proxy-server-cert --ignore-not-found
    member delete deployment/proxy-agent secret/proxy-agent-cert --ignore-not-found
}

case ${1:-} in
up) up "$2" "$3" ;;
down) down ;;
*) echo "usage: $0 up SERVER_IMAGE AGENT_IMAGE | down" >&2; exit 2 ;;
esac
