"""How an API is asked: what a kubeconfig says, and what becomes of an answer."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from clusters.api import CLUSTERS, DEPLOYMENTS, PODS, Apis
from clusters.kubeconfig import Context, Unavailable, servers
from clusters.objects import Json
from tests.unit.fake_api_server import CONTEXTS, ApiServer

AGENT = "member3 /apis/apps/v1/namespaces/tunnel/deployments/proxy-agent"


def url_of(api: ApiServer) -> str:
    return servers(str(api.kubeconfig))["member3"].removesuffix("/member3")


def why(api: ApiServer, path: str = "/readyz", seconds: float = 5) -> Unavailable:
    with pytest.raises(Unavailable) as error:
        Apis().raw(api.context("member3"), path, seconds)
    return error.value


def plugin(printed: str, code: int = 0) -> Json:
    script = f"echo '{printed}'; echo 'log in first' >&2; exit {code}"
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}


TOKEN = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"of the plugin"}}'


def test_an_object_is_what_the_api_has_and_none_where_it_has_not(api: ApiServer) -> None:
    api.has[AGENT] = {"kind": "Deployment"}
    asking, member = Apis(), api.context("member3")
    assert asking.get(member, DEPLOYMENTS, "proxy-agent", "tunnel") == {"kind": "Deployment"}
    assert asking.get(member, DEPLOYMENTS, "proxy-server", "tunnel") is None


def test_a_kind_that_an_api_does_not_know_is_not_an_object_that_is_not_there(api: ApiServer) -> None:
    """The API server says so in other words: who takes the one for the other calls a member gone."""
    api.has["member3 /apis/cluster.karmada.io/v1alpha1/clusters/member3"] = "404 page not found"
    api.answers_with = 404
    with pytest.raises(Unavailable, match="404 page not found") as error:
        Apis().get(api.context("member3"), CLUSTERS, "member3")
    assert error.value.status == 404


def test_a_list_is_asked_for_with_its_labels(api: ApiServer) -> None:
    api.has["member3 /api/v1/namespaces/tunnel/pods?labelSelector=app%3Dproxy-agent"] = {"items": [{"kind": "Pod"}]}
    assert Apis().all(api.context("member3"), PODS, "tunnel", "app=proxy-agent") == [{"kind": "Pod"}]


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_an_error_has_its_status_and_the_message_of_the_api(api: ApiServer, status: int) -> None:
    api.has["member3 /readyz"] = {"kind": "Status", "message": "no reason"}
    api.answers_with = status
    assert (str(why(api)), why(api).status) == ("no reason", status)


def test_what_stands_before_an_api_is_quoted(api: ApiServer) -> None:
    api.has["member3 /readyz"] = "<html> 502 \n Bad  Gateway </html>"
    api.answers_with = 502
    assert str(why(api)) == "<html> 502 Bad Gateway </html>"


def test_an_api_that_is_away_is_told_in_one_line(api: ApiServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        api.write_kubeconfig(f"http://127.0.0.1:{closed.getsockname()[1]}")
        said = why(api)
    assert str(said).endswith("Connection refused")
    assert said.status == 0


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
    assert Apis().raw(api.context("member3"), "/readyz") == "ok"
    assert api.asked[-1].headers["authorization"] == "Bearer of the plugin"


def test_an_exec_plugin_that_fails_says_why_and_nobody_is_asked(api: ApiServer) -> None:
    """By itself the client would go on as nobody, and call it forbidden."""
    api.write_kubeconfig(url_of(api), exec=plugin("", 3))
    assert str(why(api)) == "exec: process returned 3. log in first"
    assert api.asked == []


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
        Apis().raw(Context(str(api.kubeconfig), "typo"), "/readyz")
