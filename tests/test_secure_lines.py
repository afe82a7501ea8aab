"""Certificates, and pictures behind URLs: whom imgmagic talks to is decided on the connection itself."""

import shutil
import socket
import threading
from contextlib import contextmanager

import pytest

from imgmagic import ApiError, Studio, UnreachableError, net
from tests.faults import Status, UrlItems
from tests.slow_server import certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


@contextmanager
def listening(context=None):
    """Accept connections, and keep what arrives on them."""
    heard = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
                connection.settimeout(5)
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                heard.append(connection.recv(1000))
            except (OSError, ValueError):
                if listener.fileno() < 0:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], heard


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path, monkeypatch):
    context, _ = certificate(tmp_path)
    with listening(context) as (port, heard):
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"https://127.0.0.1:{port}")
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "recognisable-key")
        monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "img-dep")
        studio = Studio(home=tmp_path / "home", retries=2)
        with pytest.raises(UnreachableError, match=r"The certificate of \S+ is not accepted") as refused:
            studio.imagine("a cat")
        assert not refused.value.maybe_billed
        assert "REQUESTS_CA_BUNDLE" in str(refused.value)
        assert b"recognisable-key" not in b"".join(heard)


def test_a_name_that_turns_out_to_lie_inside_the_network_is_not_talked_to(azure, tmp_path, monkeypatch):
    # What a look-up said a moment ago does not count: here it was told a public address, and the socket knows better.
    monkeypatch.setattr(net, "is_public", lambda _host: True)
    with listening() as (port, heard):
        url = f"https://localhost:{port}/secret.png"
        azure.script = [Status(200, json={"created": 0, "data": [{"url": url}]})]
        with pytest.raises(
            ApiError, match=r"made, but not fetched: (127\.0\.0\.1|::1) is an address inside"
        ) as refused:
            Studio(home=tmp_path / "home").imagine("a cat")
        assert url in str(refused.value)
        assert heard in ([], [b""])


def test_a_picture_on_the_server_itself_may_lie_anywhere(azure, tmp_path):
    azure.script = [UrlItems()]
    assert len(Studio(home=tmp_path / "home").imagine("a cat")) == 1
