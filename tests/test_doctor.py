"""What `%imgmagic doctor` finds: real servers in every state of health, and not one picture made in all of it."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from imgmagic import Studio, doctor, net
from imgmagic.engines import dialects
from imgmagic.entra import EntraToken
from imgmagic.environment import Environment
from imgmagic.errors import SettingsError, UnreachableError
from imgmagic.settings import Settings
from tests import faults
from tests.fake_api import fake_api
from tests.fake_replies import Status

KEY = "k3y-that-nobody-may-see"
WRONG = "wr0ng-key-that-nobody-may-see"
WAYS = {
    "azure": {"AZURE_OPENAI_ENDPOINT": "{}", "AZURE_OPENAI_API_KEY": KEY, "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep"},
    "azure-v1": {
        "AZURE_OPENAI_ENDPOINT": "{}/openai/v1/",
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT_NAME": "img-dep",
    },
    "openai": {"IMGMAGIC_ENGINE": "openai", "OPENAI_BASE_URL": "{}/v1", "OPENAI_API_KEY": KEY},
    "compatible": {"OPENAI_BASE_URL": "{}"},
}
REAL = ("azure", "azure-v1", "openai")
DREW = Status(200, {"created": 1, "data": [{"b64_json": "AAAA"}]})


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Keep this machine's own way to the internet, and its certificates, out of the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Witness:
    """Lets an image call through, or plays a fault, and remembers how it was answered."""

    fault: object = None
    statuses: list[int] = field(default_factory=list)

    def answer(self, usual, host, /):
        reply = self.fault.answer(usual, host) if self.fault else usual()
        self.statuses.append(reply.status)
        return reply


def settings_of(way, url, **more):
    variables = {name: value.format(url) for name, value in WAYS[way].items()}
    return Settings.from_env(Environment({**variables, **more}))


def examined(way, *script, change=None, more=None, **options):
    """Examine a fake server; whatever its state, no image call may succeed and no key may be shown."""
    witnesses = [Witness(fault) for fault in (*script, *[None] * 5)]
    flavour = "compatible" if way == "compatible" else "real"
    with fake_api(witnesses, flavour=flavour, key=KEY, **options) as api:
        settings = replace(settings_of(way, api.url, **(more or {})), **(change or {}))
        found = list(doctor.examine(settings, timeout_s=5))
    answered = [status for each in witnesses for status in each.statuses]
    assert len(answered) == len(api.calls)
    assert not [status for each in witnesses if each.fault is not DREW for status in each.statuses if status < 400]
    shown = " ".join(map(repr, found))
    assert KEY not in shown
    assert WRONG not in shown
    return found, api


def marks(found):
    return [(each.ok, each.what) for each in found]


def the(found, what):
    (one,) = [each for each in found if each.what == what]
    return one


FINE = [(True, "environment"), (True, "DNS"), (True, "connection"), (True, "key")]
NAMES = {"azure": "deployment and api-version", "azure-v1": "deployment", "openai": "model"}
REST = {"azure": "deployment", "azure-v1": "deployment", "openai": "model"}


# --- all is well --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", REAL)
def test_a_healthy_service_gets_a_tick_in_every_line(way):
    found, api = examined(way)
    assert marks(found) == [*FINE, (True, NAMES[way]), (True, "edits")]
    assert not any(each.hint for each in found)
    posts = [call.path.rpartition("/")[2] for call in api.calls]
    assert posts == ["generations", "edits"]


@pytest.mark.parametrize("way", REAL)
def test_what_is_asked_for_is_no_picture_of_nothing(way):
    _, api = examined(way)
    made, edit = api.calls
    model = {} if way == "azure" else {"model": "gpt-image-2" if way == "openai" else "img-dep"}
    assert made.json == {**model, "n": 0}
    assert (edit.mime, edit.files) == ("multipart/form-data", ())
    assert dict(edit.fields) == {**model, "n": "0"}
    assert {call.query.get("api-version") for call in api.calls} == {"2025-04-01-preview" if way == "azure" else None}


def test_openais_list_is_asked_whether_the_model_is_in_it():
    found, api = examined("openai")
    assert [each.path for each in api.requests if each.method == "GET"] == ["/v1/models"]
    assert the(found, "model").detail == "gpt-image-2 is in the account's list of models"


def test_azures_list_is_not_asked_since_it_holds_no_deployments():
    for way in ("azure", "azure-v1"):
        assert not [each for each in examined(way)[1].requests if each.method == "GET"]


def test_a_compatible_server_is_only_asked_for_its_models():
    found, api = examined("compatible", more={"IMGMAGIC_MODEL": "gpt-image-2"})
    assert [(each.method, each.path) for each in api.requests] == [("GET", "/v1/models")]
    assert marks(found) == [*FINE, (None, "server"), (True, "model"), (None, "edits")]
    assert "might draw whatever it is asked" in the(found, "edits").detail


def test_the_environment_says_where_each_value_came_from_and_its_notes():
    found, _ = examined("azure", more={"AZURE_OPENAI_API_VERSION": "2024-10-21"})
    assert "engine azure (AZURE_OPENAI_ENDPOINT)" in found[0].detail
    assert "model img-dep (AZURE_OPENAI_DEPLOYMENT_NAME)" in found[0].detail
    assert "key set (AZURE_OPENAI_API_KEY)" in found[0].detail
    assert (found[1].ok, found[1].what) == (None, "note")
    assert "AZURE_OPENAI_API_VERSION asks for an api-version without image edits" in found[1].detail


# --- what can be wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", REAL)
def test_a_wrong_key_is_named_with_its_variable(way):
    variable = "OPENAI_API_KEY" if way == "openai" else "AZURE_OPENAI_API_KEY"
    found, api = examined(way, more={variable: WRONG})
    assert marks(found) == [*FINE[:3], (False, "key"), (None, f"{REST[way]}, edits")]
    assert "does not accept the key" in the(found, "key").detail
    assert f"Check {variable}" in the(found, "key").hint
    assert len(api.calls) == 1


@pytest.mark.parametrize("way", REAL)
def test_an_unknown_deployment_or_model_is_named(way):
    found, _ = examined(way, more={"IMGMAGIC_MODEL": "img-nope"})
    assert marks(found) == [*FINE, (False, NAMES[way]), (None, "edits")]
    assert "'img-nope'" in the(found, NAMES[way]).detail
    assert "IMGMAGIC_MODEL" in the(found, NAMES[way]).hint


def test_an_api_version_without_edits_fails_only_there():
    found, _ = examined("azure", change={"api_version": "2024-10-21"})
    assert marks(found) == [*FINE, (True, NAMES["azure"]), (False, "edits")]
    assert "has no such route" in the(found, "edits").detail


def test_an_api_version_without_anything_is_about_the_address():
    found, _ = examined("azure", change={"api_version": "2023-05-15"})
    assert marks(found) == [*FINE[:3], (False, "address"), (None, "key, deployment, edits")]
    assert "AZURE_OPENAI_ENDPOINT" in the(found, "address").hint


@pytest.mark.parametrize(
    ("fault", "ok", "what", "words"),
    [
        (faults.AZURE_BAD_KEY, False, "key", "does not accept the key"),
        (faults.APIM_MISSING_KEY, False, "key", "does not accept the key"),
        (faults.AZURE_PERMISSION_DENIED, False, "key", "does not let this identity"),
        (faults.AZURE_BLOCKED, False, "key", "blocked"),
        (faults.ORGANIZATION_UNVERIFIED, False, "deployment", "verified organisation"),
        (faults.INSUFFICIENT_QUOTA, False, "account", "used up"),
        (faults.BILLING_HARD_LIMIT, False, "account", "used up"),
        (faults.LIMIT_ZERO, False, "account", "allows this account no pictures"),
        (faults.RATE_LIMIT_AZURE, None, "key, deployment", "too many requests"),
        (faults.SERVER_ERROR, False, "service", "failed on its side"),
        (faults.HTML_502, False, "service", "failed"),
        (faults.EMPTY_504, False, "service", "patience"),
        (Status(404, html="<html><h1>Nothing here</h1></html>"), False, "address", "Nothing here"),
        (Status(403, html="<h1>The model firewall says no</h1>"), False, "address", "firewall"),
        (Status(200, html="<html><title>x</title><body>Please log in</body></html>"), False, "address", "not JSON"),
        (Status(302, headers={"Location": "https://login.example/"}), False, "address", "redirects to https://login"),
        (Status(400, {"error": {"message": "model img-dep cannot make images"}}), False, "deployment", "cannot make"),
        (Status(400, {"error": {"message": "API version required"}}), None, "deployment", "API version required"),
        (Status(400, {"error": {"message": "boom", "param": "model"}}), False, "deployment", "boom"),
        (faults.Reset(before_headers=True), False, "address", "broke"),
        (DREW, None, "key, deployment", "it was asked nothing more"),
    ],
)
def test_every_answer_to_the_first_question_is_told_apart(fault, ok, what, words):
    # A redirect is below 400 but no picture.
    redirect = isinstance(fault, Status) and fault.code in {200, 302} and fault is not DREW
    if redirect:
        with fake_api([fault], key=KEY) as api:
            found = list(doctor.examine(settings_of("azure-v1", api.url)))
    else:
        found, api = examined("azure-v1", fault)
    one = the(found, what)
    assert (one.ok, words in one.detail) == (ok, True), one
    assert len(api.calls) == (2 if what == "deployment" and ok is None else 1)
    assert "edits" in found[-1].what
    assert "billed" not in " ".join(each.detail + each.hint for each in found)


def test_a_server_that_draws_nevertheless_is_said_to_have_done_so():
    found, _ = examined("openai", DREW)
    assert "may have drawn" in the(found, "key, model").hint
    assert marks(found)[-1] == (None, "edits")


def test_an_edits_route_with_a_passing_fault_is_not_called_broken():
    found, _ = examined("azure", None, faults.MULTIPART_MISROUTED)
    assert marks(found)[-1] == (None, "edits")
    assert "wrong back end" in found[-1].detail


def test_a_host_without_an_address_stops_at_the_first_step():
    found = list(doctor.examine(settings_of("azure", "https://nobody.invalid")))
    assert marks(found) == [FINE[0], (False, "DNS"), (None, "connection, key, deployment, edits")]
    assert "No address is known for nobody.invalid" in found[1].detail


def test_nothing_listening_is_told_from_an_unknown_host():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = list(doctor.examine(settings_of("openai", f"http://127.0.0.1:{taken.getsockname()[1]}")))
    assert marks(found) == [*FINE[:2], (False, "connection"), (None, "key, model, edits")]
    assert "refused" in found[2].detail


def test_a_server_without_tls_is_asked_for_nothing():
    with fake_api(key=KEY) as api:
        found = list(doctor.examine(settings_of("openai", api.url.replace("http://", "https://"))))
        assert api.requests == []
    assert marks(found)[2] == (False, "connection")
    assert "No secure connection" in found[2].detail


def test_a_proxy_is_named_without_its_password_and_asked_to_connect(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cret-word@127.0.0.1:1")
    found = list(doctor.examine(settings_of("openai", "https://nobody.invalid")))
    assert marks(found)[1:3] == [(None, "DNS, connection"), (False, "address")]
    assert "127.0.0.1:1" in found[1].detail
    assert "s3cret-word" not in repr(found)


def test_an_identity_that_is_not_signed_in_is_about_the_key():
    class Nobody(EntraToken):
        __slots__ = ()

        def reveal(self):
            raise SettingsError("Nobody is signed in.", hint="az login")

    found, api = examined("azure", change={"secret": Nobody(), "scheme": "bearer"})
    assert marks(found)[3:] == [(False, "key"), (None, "deployment, edits")]
    assert (found[3].detail, found[3].hint, api.calls) == ("Nobody is signed in.", "az login", [])


def test_what_a_server_says_is_made_safe_and_the_key_is_blotted_out():
    said = f"\x1b[2J\u202eprompt of {KEY} is <b>bad</b>\n" * 3
    found, _ = examined("azure", None, Status(400, {"error": {"message": said + "?", "code": KEY}}))
    found += examined("azure", Status(418, {"error": {"message": said.replace("prompt", "tea")}}))[0]
    shown = repr(found)
    assert "tea of [key]" in shown
    assert "\\x1b" not in shown
    assert "\\u202e" not in shown


def test_a_key_in_the_place_of_a_model_is_blotted_out():
    found, _ = examined("azure", more={"IMGMAGIC_MODEL": KEY})
    assert "model [key] (IMGMAGIC_MODEL)" in found[0].detail


# --- servers that are only asked for their models -----------------------------------------------------------------


@contextmanager
def answering(status=200, body=None, headers=None, context=None):
    """Serve one answer to whatever is asked; remember what was."""
    seen = []
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.command, self.path, self.headers.get("Authorization")))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - the base class looks for it

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # a client that does not trust hangs up
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        scheme = "https" if context else "http"
        yield SimpleNamespace(url=f"{scheme}://127.0.0.1:{server.server_port}", seen=seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listed(*pairs):
    return {"data": [{"id": name, "owned_by": owner} for name, owner in pairs]}


def compatible(server, dialect=None, **more):
    """Examine a compatible server, which must be sent no POST."""
    found = list(doctor.examine(settings_of("compatible", server.url, **more), dialect=dialect))
    assert [each[:2] for each in server.seen] == [("GET", "/v1/models")]
    assert KEY not in repr(found)
    return found


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        (listed(("sd-cpp-local", "local")), {}, "stable-diffusion.cpp"),
        (listed(("Qwen/Qwen-Image", "vllm")), {}, "vllm-omni"),
        (listed(("Qwen/Qwen-Image", "sglang")), {}, "sglang"),
        (listed(("flux", "openai")), {"x-litellm-version": "1.109.1"}, "litellm"),
        (listed(("flux", "openai")), {}, "compatible, since it was not recognised"),
    ],
)
def test_a_recognised_server_is_named(body, headers, name):
    with answering(body=body, headers=headers) as server:
        found = compatible(server, IMGMAGIC_MODEL=body["data"][0]["id"])
    assert the(found, "server").detail == f"is spoken to as {name}"
    assert the(found, "model").ok is True
    assert marks(found)[-1] == (None, "edits")


def test_a_server_without_edits_says_so_once_its_dialect_is_known():
    with answering(body=listed(("flux", ""))) as server:
        found = compatible(server, dialects.by_name("localai"), IMGMAGIC_MODEL="flux")
    assert (found[-1].ok, found[-1].what) == (False, "edits")
    assert "no image edits" in found[-1].detail


def test_a_model_that_must_be_named_is_missed_and_the_list_is_shown():
    with answering(body=listed(("flux.1-dev", ""), ("sd-turbo", ""))) as server:
        found = compatible(server, dialects.by_name("xinference"))
    assert marks(found)[-2:] == [(False, "model"), (None, "edits")]
    assert "flux.1-dev, sd-turbo" in the(found, "model").hint


def test_a_model_that_is_not_listed_is_doubted_and_near_ones_are_named():
    with answering(body=listed(("flux.1-dev", ""), ("sd-turbo", ""))) as server:
        one = the(compatible(server, IMGMAGIC_MODEL="flux-1-dev"), "model")
    assert one.ok is None
    assert "flux.1-dev" in one.hint
    assert "sd-turbo" not in one.hint


@pytest.mark.parametrize("status", [401, 403])
def test_a_compatible_servers_refusal_of_the_key_is_shown(status):
    with answering(status, {"error": f"bad key {KEY}"}) as server:
        found = compatible(server, OPENAI_API_KEY=KEY)
        assert server.seen[0][2] == f"Bearer {KEY}"
    assert marks(found)[3:] == [(False, "key"), (None, "model, edits")]
    assert "[key]" in found[3].detail


def test_a_compatible_server_without_a_list_may_be_good_all_the_same():
    with answering(404, {"detail": "Not Found"}) as server:
        found = compatible(server, IMGMAGIC_MODEL="flux")
    assert marks(found)[3:] == [(None, "key"), (None, "server"), (None, "model"), (None, "edits")]
    assert "no list of models (HTTP 404)" in the(found, "model").detail


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_page_in_html_is_no_image_server(status):
    with answering(status, b"<html><body>Please <b>log in</b></body></html>") as server:
        found = compatible(server)
    assert marks(found)[3:] == [(False, "answer"), (None, "key, model, edits")]
    assert "<b>" not in repr(found)


@pytest.mark.parametrize("body", [b"[]", b"3", b'"x"', b'{"data": null}', b'{"data": [1, {"id": {}}]}', b"[[[["])
def test_a_list_of_any_form_is_survived(body):
    with answering(body=body) as server:
        assert compatible(server)[0].ok is True


def test_a_key_that_openai_lets_read_no_list_is_still_good():
    with fake_api([Witness(), Witness()], key=KEY) as api:
        settings = settings_of("openai", api.url)
        case = doctor._Case(replace(settings, base_url=f"{api.url}/nowhere"), None, 5)
        assert doctor._listed(case).ok is True


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    home = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *made, *names], cwd=home, check=True, capture_output=True)
    return home


def secured(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


@pytest.mark.timeout(60)
def test_a_certificate_that_is_not_trusted_is_told_from_no_tls(certificate):
    with answering(body=listed(), context=secured(certificate)) as server:
        found = list(doctor.examine(settings_of("compatible", server.url)))
        assert server.seen == []
    assert (found[2].ok, found[2].what) == (False, "connection")
    assert "certificate of 127.0.0.1" in found[2].detail
    assert "REQUESTS_CA_BUNDLE" in found[2].hint


@pytest.mark.timeout(60)
def test_the_bundle_that_requests_would_trust_is_trusted(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
    with answering(body=listed(("a", "vllm")), context=secured(certificate)) as server:
        found = compatible(server)
    assert found[2].ok is True
    assert "TLSv1" in found[2].detail


def test_a_bundle_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/company.pem")
    with pytest.raises(UnreachableError, match=r"/nowhere/company\.pem") as caught:
        net.reach("127.0.0.1", 1, tls=True)
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint


# --- the report ---------------------------------------------------------------------------------------------------


@pytest.fixture
def studio(tmp_path, monkeypatch):
    def make(way, url=""):
        for name, value in WAYS.get(way, {}).items():
            monkeypatch.setenv(name, value.format(url))
        return Studio(home=tmp_path / "home")

    return make


def test_a_report_has_one_line_for_each_finding_and_marks_that_are_read_aloud(studio):
    with fake_api([Witness(), Witness()], key=KEY) as api:
        bundle = doctor.report(studio("azure", api.url))
    lines = bundle["text/plain"].splitlines()
    assert [line[0] for line in lines] == ["✓"] * 6
    assert lines[3] == "✓ key: accepted (AZURE_OPENAI_API_KEY)"
    html = bundle["text/html"]
    assert html.count("<li ") == html.count('role="img" aria-label="well:">✓</span>') == 6
    assert KEY not in repr(bundle)


def test_a_failure_and_its_hint_are_escaped(studio):
    with fake_api([Status(404, html="<h1>No & no</h1><script>x</script>")], key=KEY) as api:
        bundle = doctor.report(studio("azure", api.url))
    assert "✗ address: " in bundle["text/plain"]
    assert 'aria-label="not well:"' in bundle["text/html"]
    assert "No &amp; no" in bundle["text/html"]
    assert "&lt;" not in bundle["text/html"]
    assert "– key, deployment, edits: not looked at" in bundle["text/plain"]


def test_a_hint_is_escaped_too():
    html = doctor._html([doctor.Finding(False, "<i>", "<b>", "<script>")])
    assert not [word for word in ("<i>", "<b></b>", "<script>") if word in html.replace("<b>&lt;i&gt;</b>", "")]
    assert "&lt;script&gt;" in html


def test_a_half_set_environment_is_the_first_finding(studio, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com")
    bundle = doctor.report(studio("none"))
    first, *hints = bundle["text/plain"].splitlines()
    assert first.startswith("✗ environment: Azure OpenAI is chosen, but AZURE_OPENAI_DEPLOYMENT_NAME")
    assert "AZURE_OPENAI_DEPLOYMENT_NAME: the name" in hints[0]


def test_the_sketch_engine_needs_no_examination(studio):
    bundle = doctor.report(studio("none"))
    assert bundle["text/plain"].startswith("✓ environment: the built-in sketch engine")
    assert "nothing has to be checked" in bundle["text/plain"]
    assert len(bundle["text/plain"].splitlines()) == 1
