"""How an API is asked: what a kubeconfig says, and what becomes of an answer."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier, Thread

import pytest
from kubernetes.client import Configuration

from clusters import api as api_module
from clusters import kubeconfig
from clusters.api import CLUSTERS, DEPLOYMENTS, MERGE_PATCH, PODS, ConnectionClosed, NotServing, OfficialClient
from clusters.errors import Unanswered, Unavailable
from clusters.kubeconfig import Context, servers
from clusters.objects import Json
from clusters.pool import in_parallel
from tests import issuing
from tests.unit.fake_api_server import CONTEXTS, ApiServer

AGENT = "member3 /apis/apps/v1/namespaces/tunnel/deployments/proxy-agent"


POD = "member3 /api/v1/namespaces/tunnel/pods/proxy-agent-1/portforward?ports=8096"


def url_of(api: ApiServer) -> str:
    return servers(str(api.kubeconfig))["member3"].removesuffix("/member3")


def why(api: ApiServer, path: str = "/readyz", seconds: float = 5) -> Unavailable:
    with pytest.raises(Unavailable) as error:
        OfficialClient().raw(api.context("member3"), path, seconds)
    return error.value


def plugin(printed: str, code: int = 0) -> dict[str, Json]:
    script = f"echo '{printed}'; echo 'log in first' >&2; exit {code}"
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}


TOKEN = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"of the plugin"}}'


def test_an_object_is_what_the_api_has_and_none_where_it_has_not(api: ApiServer) -> None:
    api.has[AGENT] = {"kind": "Deployment"}
    apis, member = OfficialClient(), api.context("member3")
    assert apis.get(member, DEPLOYMENTS, "proxy-agent", "tunnel") == {"kind": "Deployment"}
    assert apis.get(member, DEPLOYMENTS, "proxy-server", "tunnel") is None


def test_a_kind_that_an_api_does_not_know_is_not_an_object_that_is_not_there(api: ApiServer) -> None:
    """The API server says so in other words: who takes the one for the other calls a member gone."""
    api.has["member3 /apis/cluster.karmada.io/v1alpha1/clusters/member3"] = "404 page not found"
    api.answers_with = 404
    with pytest.raises(Unavailable, match="404 page not found") as error:
        OfficialClient().get(api.context("member3"), CLUSTERS, "member3")
    assert error.value.status == 404


def test_a_list_is_asked_for_with_its_labels(api: ApiServer) -> None:
    api.has["member3 /api/v1/namespaces/tunnel/pods?labelSelector=app%3Dproxy-agent"] = {"items": [{"kind": "Pod"}]}
    assert OfficialClient().all(api.context("member3"), PODS, "tunnel", "app=proxy-agent") == [{"kind": "Pod"}]


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_an_error_has_its_status_and_the_message_of_the_api(api: ApiServer, status: int) -> None:
    api.has["member3 /readyz"] = {"kind": "Status", "message": "no reason"}
    api.answers_with = status
    assert (str(why(api)), why(api).status) == ("no reason", status)


def test_what_stands_before_an_api_is_quoted(api: ApiServer) -> None:
    api.has["member3 /readyz"] = "<html> 502 \n Bad  Gateway </html>"
    api.answers_with = 502
    assert str(why(api)) == "<html> 502 Bad Gateway </html>"


def test_what_is_no_json_is_an_error_too(api: ApiServer) -> None:
    """As a login page, which answers 200."""
    page = "<html>Log in</html>"
    api.has |= {f"member3 {PODS.path()}": page, f"member3 {PODS.path('', 'one')}": page}
    apis, member = OfficialClient(), api.context("member3")
    for ask in (
        lambda: apis.all(member, PODS),
        lambda: apis.get(member, PODS, "one"),
        lambda: apis.create(member, PODS, {}),
        lambda: apis.patch(member, PODS.path("", "one"), {}, MERGE_PATCH),
    ):
        with pytest.raises(Unavailable, match="no JSON: it is no Kubernetes API, or a login page"):
            ask()


def test_an_api_that_is_away_is_told_in_one_line(api: ApiServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        api.write_kubeconfig(f"http://127.0.0.1:{closed.getsockname()[1]}")
        said = why(api)
    assert str(said).endswith("Connection refused")
    assert said.status == 0


def test_another_cluster_at_the_address_is_told_by_its_certificate(api: ApiServer, tmp_path: Path) -> None:
    """Two kind nodes may come back with each other's address."""
    key, file = issuing.private_key_pem(), tmp_path / "server.pem"
    subject = {"commonName": "another cluster"}
    certificate, _ = issuing.self_signed({"privateKeyPem": key, "subject": subject, "validityPeriodHours": 1})
    file.touch(0o600)
    file.write_text(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        api.write_kubeconfig(f"https://127.0.0.1:{listening.getsockname()[1]}")

        def accept() -> None:
            with suppress(OSError), context.wrap_socket(listening.accept()[0], server_side=True):
                pass

        server = Thread(target=accept)
        server.start()
        said = why(api)
        server.join(5)
    assert "its certificate is not the one that the kubeconfig expects (self-signed certificate)" in str(said)
    assert not isinstance(said, Unanswered)


def test_an_api_that_does_not_answer_is_not_waited_for_longer_than_said(api: ApiServer) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        api.write_kubeconfig(f"http://127.0.0.1:{mute.getsockname()[1]}")
        started = time.monotonic()
        assert str(why(api, seconds=1)) == "no answer within 1 s"
    assert time.monotonic() - started < 3


def test_the_token_of_an_exec_plugin_is_shown_to_the_api(api: ApiServer) -> None:
    api.write_kubeconfig(url_of(api), exec=plugin(TOKEN))
    api.has["member3 /readyz"] = "ok"
    assert OfficialClient().raw(api.context("member3"), "/readyz") == "ok"
    assert api.asked[-1].headers["authorization"] == "Bearer of the plugin"


def test_an_exec_plugin_that_fails_says_why_and_nobody_is_asked(api: ApiServer) -> None:
    """By itself the client would go on as nobody, and call it forbidden."""
    api.write_kubeconfig(url_of(api), exec=plugin("", 3))
    assert str(why(api)) == "exec: process returned 3. log in first"
    assert api.asked == []


def test_an_exec_plugin_that_is_not_installed_is_named(api: ApiServer) -> None:
    api.write_kubeconfig(url_of(api), exec={**plugin(""), "command": "no-such-plugin"})
    assert str(why(api)) == "exec: process returned 127. [Errno 2] No such file or directory: 'no-such-plugin'"


def test_an_exec_plugin_that_hangs_is_ended(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have children which keep its output open."""
    monkeypatch.setattr(kubeconfig, "PLUGIN_SECONDS", 1)
    api.write_kubeconfig(url_of(api), exec={**plugin(""), "args": ["-c", "sleep 20; exit"]})
    started = time.monotonic()
    assert str(why(api)) == "exec: process returned 124. sh gave no answer within 1 s"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(("minutes", "runs"), [(60, 1), (0, 2)])
def test_an_exec_plugin_runs_again_when_its_token_has_expired(
    api: ApiServer, tmp_path: Path, minutes: int, runs: int
) -> None:
    ends = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    printed = TOKEN.replace('"token"', f'"expirationTimestamp":"{ends}","token"')
    api.has["member3 /readyz"] = "ok"
    api.write_kubeconfig(url_of(api), exec={**plugin(""), "args": ["-c", f"echo >>{tmp_path}/ran; echo '{printed}'"]})
    apis = OfficialClient()
    for _ in range(2):
        assert apis.raw(api.context("member3"), "/readyz") == "ok"
    assert len((tmp_path / "ran").read_text().splitlines()) == runs


def test_a_token_that_cannot_be_renewed_serves_until_its_end(api: ApiServer, tmp_path: Path) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    printed = TOKEN.replace('"token"', f'"expirationTimestamp":"{ends}","token"')
    script = f"[ ! -e {tmp_path}/ran ] || exit 1; touch {tmp_path}/ran; echo '{printed}'"
    api.has["member3 /readyz"] = "ok"
    api.write_kubeconfig(url_of(api), exec={**plugin(""), "args": ["-c", script]})
    assert OfficialClient().raw(api.context("member3"), "/readyz") == "ok"


def test_of_many_that_wait_for_a_plugin_which_hangs_one_alone_waits(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeconfig, "PLUGIN_SECONDS", 2)
    api.write_kubeconfig(url_of(api), exec={**plugin(""), "args": ["-c", "sleep 20; exit"]})
    apis, started = OfficialClient(), time.monotonic()

    def reason() -> str:
        with pytest.raises(Unavailable) as error:
            apis.raw(api.context("member3"), "/readyz")
        return str(error.value)

    said = in_parallel({each: reason for each in range(8)})
    assert set(said.values()) == {"exec: process returned 124. sh gave no answer within 2 s"}
    assert time.monotonic() - started < 10


def test_at_a_terminal_it_is_said_where_a_plugin_printed_why_it_failed(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    api.write_kubeconfig(url_of(api), exec=plugin("", 3))
    with open(os.devnull) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert str(why(api)) == "exec: the plugin failed: see above"


def test_an_identity_provider_that_does_not_answer_is_one_line(api: ApiServer) -> None:
    """Nothing in the client turns that into an error of its own."""
    parts = (b'{"alg":"none"}', b'{"exp":1}')
    expired = ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        provider: Json = {
            "id-token": f"{expired}.x",
            "refresh-token": "x",
            "client-id": "x",
            "client-secret": "x",
            "idp-issuer-url": f"http://127.0.0.1:{closed.getsockname()[1]}",
        }
        api.write_kubeconfig(url_of(api), **{"auth-provider": {"name": "oidc", "config": provider}})
        said = str(why(api))
    assert "Connection refused" in said
    assert "\n" not in said


def test_a_user_who_impersonates_another_is_refused(api: ApiServer) -> None:
    """The client would ask as the user itself, and pulumi as the other."""
    api.write_kubeconfig(url_of(api), **{"token": "x", "as": "admin"})
    assert str(why(api)).endswith('its user impersonates "admin" (as), which is not supported: use another')
    assert api.asked == []


def test_apis_that_one_server_has_below_paths_share_an_exec_plugin(api: ApiServer, tmp_path: Path) -> None:
    """As Karmada serves its members', of which there may be a hundred."""
    api.has |= {"karmada-apiserver /one/readyz": "ok", "karmada-apiserver /other/readyz": "ok"}
    api.write_kubeconfig(url_of(api), exec={**plugin(""), "args": ["-c", f"echo >>{tmp_path}/ran; echo '{TOKEN}'"]})
    apis, karmada = OfficialClient(), api.context("karmada-apiserver")
    for path in ("/one", "/other"):
        assert apis.raw(replace(karmada, path=path), "/readyz") == "ok"
    assert len((tmp_path / "ran").read_text().splitlines()) == 1


def test_contexts_are_those_of_all_files_that_kubeconfig_names(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_text(api.kubeconfig.read_text().replace("member3", "member9"))
    monkeypatch.setenv("KUBECONFIG", f"{api.kubeconfig}:{other}:{tmp_path / 'none'}")
    assert set(servers("")) == {*CONTEXTS, "member9"}
    assert set(servers(str(other))) == {"karmada-host", "karmada-apiserver", "member9"}


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such file"), ("{", "while parsing"), ("", "Invalid kube-config"), ("[]", "")],
    ids=["none", "no YAML", "empty", "a list"],
)
def test_a_kubeconfig_that_cannot_be_read_is_one_line(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Unavailable) as error:
        servers(str(file))
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_a_context_that_is_not_there_is_named(api: ApiServer) -> None:
    with pytest.raises(Unavailable, match="typo"):
        OfficialClient().raw(Context(str(api.kubeconfig), "typo"), "/readyz")


# several at the same time


def test_who_asks_of_one_context_does_not_wait_for_the_exec_plugin_of_another(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150 members are 150 plugins, each of which may take seconds."""
    api.has |= {f"{each} /readyz": "ok" for each in CONTEXTS}
    plugins = Barrier(len(CONTEXTS))

    def configuration(of: Context) -> Configuration:
        plugins.wait(10)
        return kubeconfig.configuration(of)

    monkeypatch.setattr(api_module, "configuration", configuration)
    apis = OfficialClient()
    told = in_parallel({each: partial(apis.raw, api.context(each), "/readyz") for each in CONTEXTS})
    assert list(told.values()) == ["ok"] * len(CONTEXTS)


def test_a_context_that_many_ask_of_is_read_once(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    api.has["member3 /readyz"] = "ok"
    read: list[Context] = []

    def configuration(of: Context) -> Configuration:
        read.append(of)
        time.sleep(0.05)
        return kubeconfig.configuration(of)

    monkeypatch.setattr(api_module, "configuration", configuration)
    apis = OfficialClient()
    in_parallel({i: partial(apis.raw, api.context("member3"), "/readyz") for i in range(8)})
    assert len(read) == 1


def test_after_an_exec_plugin_has_failed_it_is_tried_again(api: ApiServer) -> None:
    """As where somebody logs in while an `up` waits for an answer."""
    api.has["member3 /readyz"] = "ok"
    apis, member = OfficialClient(), api.context("member3")
    api.write_kubeconfig(url_of(api), exec=plugin("", 3))
    with pytest.raises(Unavailable, match="log in first"):
        apis.raw(member, "/readyz")
    api.write_kubeconfig(url_of(api), exec=plugin(TOKEN))
    assert apis.raw(member, "/readyz") == "ok"


def test_a_file_is_parsed_once_for_all_its_contexts_and_again_when_it_is_another(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The YAML of 500 contexts takes many seconds."""
    parsed: list[str] = []
    merger = kubeconfig.KubeConfigMerger

    def counted(paths: str) -> kubeconfig.KubeConfigMerger:
        parsed.append(paths)
        return merger(paths)

    monkeypatch.setattr(kubeconfig, "KubeConfigMerger", counted)
    hosts = [kubeconfig.configuration(api.context(each)).host for each in CONTEXTS]
    assert hosts == [f"{url_of(api)}/{each}" for each in CONTEXTS]
    assert len(parsed) == 1
    api.write_kubeconfig("http://127.0.0.1:1/elsewhere")
    assert kubeconfig.configuration(api.context("member3")).host == "http://127.0.0.1:1/elsewhere/member3"


# pods, by a port-forward


def test_what_a_pod_serves_is_asked_for_by_a_port_forward(api: ApiServer) -> None:
    api.pods[POD] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
    assert OfficialClient().pod_get(api.context("member3"), "tunnel", "proxy-agent-1", 8096, "/healthz") == "well"
    assert api.heads[0].startswith("GET /healthz HTTP/1.1\r\n")


def test_a_pod_that_serves_an_error_is_not_well(api: ApiServer) -> None:
    api.pods[POD] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(NotServing, match="it answers 503"):
        OfficialClient().pod_get(api.context("member3"), "tunnel", "proxy-agent-1", 8096, "/readyz")


@pytest.mark.parametrize("status", [200, 407, 500, 502, 504])
def test_a_guard_is_asked_by_a_connect_with_the_credential_and_its_status_is_told(api: ApiServer, status: int) -> None:
    """HAProxy answers 400 where the Host is not the target."""
    api.pods[POD] = f"HTTP/1.1 {status} Said\r\n\r\nand more, of a tunnel or a reason"
    assert (
        OfficialClient().pod_connect(api.context("member3"), "tunnel", "proxy-agent-1", 8096, "Basic of member3")
        == status
    )
    request, *headers = api.heads[0].split("\r\n")
    assert request == "CONNECT member:443 HTTP/1.1"
    assert {"Host: member:443", "Proxy-Authorization: Basic of member3"} <= set(headers)


@pytest.mark.parametrize(
    ("answer", "raised", "said"),
    [
        (None, NotServing, "it does not answer within 0.2 s"),
        ("", ConnectionClosed, "it closes the connection without an answer, or nothing listens"),
    ],
    ids=["silent", "closes"],
)
def test_a_pod_that_does_not_answer_is_told_from_one_that_closes_the_connection(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch, answer: str | None, raised: type[NotServing], said: str
) -> None:
    monkeypatch.setattr(api_module, "POD_SECONDS", 0.2)
    api.pods[POD] = answer
    with pytest.raises(NotServing) as error:
        OfficialClient().pod_connect(api.context("member3"), "tunnel", "proxy-agent-1", 8096, "")
    assert (type(error.value), str(error.value)) == (raised, said)


def test_a_pod_that_may_not_be_asked_is_told_in_the_words_of_the_api(api: ApiServer) -> None:
    said = 'pods "proxy-agent-1" is forbidden: User "x" cannot create resource "pods/portforward"'
    api.has[POD], api.answers_with = {"kind": "Status", "message": said}, 403
    with pytest.raises(Unavailable) as error:
        OfficialClient().pod_connect(api.context("member3"), "tunnel", "proxy-agent-1", 8096, "")
    assert (str(error.value), error.value.status) == (said, 403)
