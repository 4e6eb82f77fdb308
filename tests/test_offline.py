"""Nothing leaves the machine: an audit hook sees every address any library asks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUARD = """
import ipaddress, os, sys

def _is_near(host):
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False

def _guard(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.bind"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path is a Unix socket
        if event == "socket.bind" and host in ("", "0.0.0.0", "::"):
            host = "localhost"  # a free port is looked for, nothing is sent
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not _is_near(host):
        with open(os.environ["WHYCART_CALLS"], "a") as file:
            file.write(f"{event} {host} {os.getpid()}\\n")
        raise ConnectionRefusedError(f"{event} {host}: nothing may leave this machine")

sys.addaudithook(_guard)
"""
TURNS = (
    '{"conversation_id": "c", "text": "a light tent under 200"}\n'
    '{"conversation_id": "c", "text": "what goes with the first one?"}\n'
)


@pytest.fixture
def guarded(tmp_path):
    """Run a module of ours in a process, and its children, that may only talk to itself."""
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    calls = tmp_path / "calls"
    calls.touch()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "TRANSFORMERS_", "GRADIO_", "ANONYMIZED_"))
    }
    environment = {
        **kept,
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "WHYCART_CALLS": str(calls),
        "HOME": str(tmp_path / "home"),
        "OMP_NUM_THREADS": "1",
    }

    def run(*command, stdin=""):
        done = subprocess.run(
            [sys.executable, *command],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            timeout=110,
        )
        return done, calls.read_text()

    return run


def test_the_guard_sees_an_attempt(guarded):
    done, calls = guarded("-c", "import socket; socket.create_connection(('192.0.2.1', 80))")
    assert done.returncode != 0
    assert "192.0.2.1" in calls


@pytest.mark.slow
def test_building_a_store_asks_for_no_address(guarded, tiny_files, tiny_encoder_dir, tmp_path):
    config = tmp_path / "store.toml"
    config.write_text(f'[encoder]\nmodel = "{tiny_encoder_dir}"\n')
    files = [part for name, path in tiny_files.items() for part in (f"--{name}", str(path))]
    out = tmp_path / "store"
    done, calls = guarded(
        "-m", "retrieval.build", *files, "--config", str(config), "--out", str(out),
        "--on-error", "skip",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert calls == ""


@pytest.mark.slow
def test_a_conversation_asks_for_no_address(guarded, tiny_store):
    if not (ROOT / "assistant" / "chat.py").is_file():
        pytest.skip("there is no assistant.chat yet")
    done, calls = guarded(
        "-m", "assistant.chat", "--store", str(tiny_store), "--llm", "none", "--jsonl", stdin=TURNS
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == 2
    assert calls == ""


@pytest.mark.slow
def test_the_app_starts_and_serves_without_asking_for_an_address(guarded, tiny_store):
    code = f"""
import os, threading, urllib.request, sys
os.environ.update(STORE={str(tiny_store)!r}, LLM="none", SESSIONS="sqlite://")
from retrieval.text.quiet import go_offline
go_offline()
import app, socket, uvicorn
settings = app.read_settings(os.environ)
site = app.build_app(settings, app.open_assistants(settings))
door = socket.socket(); door.bind(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(site, log_level="warning"))
threading.Thread(target=server.run, kwargs={{"sockets": [door]}}, daemon=True).start()
while not server.started: pass
page = urllib.request.urlopen(f"http://127.0.0.1:{{door.getsockname()[1]}}/").read().decode()
assert "<html" in page.lower(), page[:500]
os._exit(0)
"""
    if not (ROOT / "assistant" / "service.py").is_file():
        pytest.skip("there is no assistant.service yet")
    done, calls = guarded("-c", code)
    assert done.returncode == 0, done.stderr[-2000:]
    assert calls == ""
