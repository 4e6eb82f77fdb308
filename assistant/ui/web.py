"""What stands between the network and the screens: headers, cookies, doors, pictures.

Gradio's pages are mounted in one FastAPI application; `Guard` sees every request first.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from assistant.conversation import Language
from assistant.ui.markup import join, tag
from assistant.ui.words import word

if TYPE_CHECKING:
    from assistant.service import Assistant

MAX_BODY_BYTES = 64 * 1024
"""A message has at most 2,000 characters; nothing that a screen sends comes near this."""
PICTURE_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
# All of Gradio's own routes that the pages need. Uploads, file reads, the proxy, the component
# server, recordings, the run history and the API description stay shut.
_GRADIO_ROUTES = re.compile(
    r"gradio_api/(?:queue/(?:join|data)|run/predict|cancel|reset|startup-events|app_id)/?\Z"
    r"|gradio_api/heartbeat/\w+\Z|(?:assets|static)/[\w./-]+\Z|theme\.css\Z|favicon\.ico\Z"
)
# Gradio's own advertisement for link previews; it names other hosts.
_PREVIEWS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>')
_SCRIPT = re.compile(rb"<script(?=[\s>])")
_ID = re.compile(r"[\w-]{16,128}\Z")


def page_policy(nonce: str) -> str:
    """Return the content security policy of a page.

    As strict as Gradio allows. Its two relaxations:

    - `'unsafe-eval'` for scripts: `gr.HTML` builds its template and its load script with
      `Function`. Inline scripts and handlers stay forbidden: Gradio's few inline scripts get a
      nonce of one page load.
    - `'unsafe-inline'` for styles: Gradio's components write style elements and attributes while
      they run. No style can fetch anything from elsewhere, because images and fonts are ours too.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'self'",
            "frame-ancestors 'none'",
        )
    )


NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'"
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""A drawing may style itself; it can run and fetch nothing, even when opened by itself."""


@dataclass(slots=True)
class Site:
    """What `Guard` has to know of the application."""

    pages: dict[str, Callable[[Request], Any]] = field(default_factory=dict)
    """Path of each page → what may add a cookie to it (returns name and value, or None)."""
    door: AgentDoor | None = None


class AgentDoor:
    """The agents' password and the sessions it opened; sessions end after eight hours."""

    COOKIE = "whycart_agent"
    SESSION_S = 8 * 3600
    MAX_FAILURES, WINDOW_S = 5, 60.0

    def __init__(self, password: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep only the password's digest.

        Raises:
            ValueError: If the password is empty.
        """
        if not password:
            raise ValueError("the agents' password must not be empty; set AGENT_PASSWORD")
        self._digest = hashlib.sha256(password.encode()).digest()
        self._clock = clock
        self._ends_at: dict[str, float] = {}
        self._failures: list[float] = []
        self._lock = threading.Lock()

    def wait_s(self) -> int:
        """Return for how long no password is looked at, after too many wrong ones."""
        with self._lock:
            now = self._clock()
            self._failures = [at for at in self._failures if now - at < self.WINDOW_S]
            if len(self._failures) < self.MAX_FAILURES:
                return 0
            return max(1, round(self.WINDOW_S - (now - self._failures[0])))

    def enter(self, password: str) -> str | None:
        """Return a new session's token; None for a wrong password. Takes constant time."""
        given = hashlib.sha256(password.encode()).digest()
        is_right = hmac.compare_digest(given, self._digest)
        with self._lock:
            if not is_right:
                self._failures.append(self._clock())
                return None
            now = self._clock()
            self._ends_at = {t: end for t, end in self._ends_at.items() if end > now}
            token = secrets.token_urlsafe(32)
            self._ends_at[token] = now + self.SESSION_S
            return token

    def is_open(self, token: str | None) -> bool:
        """Say whether the token belongs to a living session."""
        with self._lock:
            return token is not None and self._ends_at.get(token, 0.0) > self._clock()

    def leave(self, token: str | None) -> None:
        """End a session."""
        with self._lock:
            self._ends_at.pop(token or "", None)


class Guard:
    """Looks at every request before the application and at every answer after it."""

    def __init__(self, app: Any, site: Site) -> None:  # noqa: ANN401 - an ASGI application
        """Stand before `app`."""
        self._app = app
        self._site = site

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # websockets are not used
        request = Request(scope)
        refusal = self._refusal(request)
        nonce = secrets.token_urlsafe(16)
        if refusal is not None:
            await refusal(scope, receive, self._with_headers(send, request.url.path, nonce))
        elif self._page_of(request) is not None:
            await self._send_page(request, receive, send, nonce)
        else:
            outward = self._with_headers(send, request.url.path, nonce)
            await self._app(scope, _limited(receive), outward)

    # -- in ------------------------------------------------------------------------------

    def _page_of(self, request: Request) -> str | None:
        path = request.url.path
        return path if request.method == "GET" and path in self._site.pages else None

    def _mount_of(self, path: str) -> str:
        """Return the longest mount path, as `/shop/outfitter/` or `/`, that the path is under."""
        mounts = [p for p in self._site.pages if p.endswith("/") and path.startswith(p)]
        return max(mounts, key=len, default="")

    def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        if request.method not in {"GET", "HEAD", "POST"}:
            return PlainTextResponse("method not allowed", 405)
        if request.method == "POST":
            if not _is_same_origin(request.headers):
                return PlainTextResponse("another site may not send this", 403)
            if not (request.headers.get("content-length") or "0").isdigit():
                return PlainTextResponse("content-length must be a number", 400)
            if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
                return PlainTextResponse(f"at most {MAX_BODY_BYTES} bytes, please", 413)
        refusal = self._agents_only(request)
        if refusal is not None:
            return refusal
        mount = self._mount_of(path)
        inside = path[len(mount) :] if mount else ""
        is_own = inside in OWN_FORMS or (mount == "/" and path.startswith(OWN_PREFIXES))
        if inside and not is_own and not _GRADIO_ROUTES.match(inside):
            return PlainTextResponse("not found", 404)
        return None

    def _agents_only(self, request: Request) -> Response | None:
        path = request.url.path
        if path != "/agent" and not path.startswith("/agent/"):
            return None
        door = self._site.door
        if door is None:
            return PlainTextResponse("not found", 404)
        if path == "/agent/login" or door.is_open(request.cookies.get(AgentDoor.COOKIE)):
            return None
        if request.method == "GET" and path in {"/agent", "/agent/"}:
            return RedirectResponse("/agent/login", 303)
        return PlainTextResponse("sign in first", 401)

    # -- out -----------------------------------------------------------------------------

    def _with_headers(self, send: Any, path: str, nonce: str | None) -> Any:  # noqa: ANN401
        async def outward(message: Any) -> None:  # noqa: ANN401
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in response_headers(path, nonce or "").items():
                    headers.setdefault(name, value)
            await send(message)

        return outward

    async def _send_page(self, request: Request, receive: Any, send: Any, nonce: str) -> None:  # noqa: ANN401
        """Send a page with its nonce written into Gradio's own inline scripts."""
        cookie = await anyio.to_thread.run_sync(self._site.pages[request.url.path], request)
        scope = dict(request.scope)
        # Compressed markup could not be given its nonce.
        scope["headers"] = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
        start: dict[str, Any] = {}
        body = bytearray()

        async def gather(message: Any) -> None:  # noqa: ANN401
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self._app(scope, receive, gather)
        plain = _PREVIEWS.sub(b"", bytes(body))
        written = _SCRIPT.sub(b'<script nonce="' + nonce.encode() + b'"', plain)
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-length"] = str(len(written))
        headers["cache-control"] = "no-store"
        headers["content-security-policy"] = page_policy(nonce)
        if cookie is not None:
            headers.append("set-cookie", cookie_header(request, *cookie))
        start["headers"] = headers.raw
        outward = self._with_headers(send, request.url.path, nonce)
        await outward(start)
        await outward({"type": "http.response.body", "body": written})


OWN_FORMS = frozenset({"start", "login", "logout"})
OWN_PREFIXES = ("/healthz", "/favicon.ico", "/ui/", "/pictures/")


def response_headers(path: str, nonce: str) -> dict[str, str]:
    """Return what every answer carries; a page sets its own policy before."""
    return {
        "content-security-policy": page_policy(nonce) if path == "/agent/login" else NOTHING_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


def cookie_header(request: Request, name: str, value: str, *, path: str = "/") -> str:
    """Return a cookie that scripts cannot read and other sites cannot send."""
    secure = "; Secure" if request.url.scheme == "https" else ""
    age = "" if value else "; Max-Age=0"
    return f"{name}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}{age}"


def _is_same_origin(headers: Headers) -> bool:
    """Say whether a POST comes from one of our own pages; a script's client sends no origin."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _limited(receive: Any) -> Any:  # noqa: ANN401
    """Return a `receive` that ends a body that is longer than it may be."""
    n_bytes = 0

    async def counted() -> Any:  # noqa: ANN401
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        return {"type": "http.disconnect"} if n_bytes > MAX_BODY_BYTES else message

    return counted


# ------------------------------------------------------------------------------- routes


def language_of(request: Request) -> Language:
    """Return the first of our languages that the browser asks for."""
    for part in request.headers.get("accept-language", "").lower().split(","):
        if part.strip().startswith(("en", "zh")):
            return "zh" if part.strip().startswith("zh") else "en"
    return "en"


async def read_form(request: Request) -> dict[str, str]:
    """Return a small form's fields, the first value of each."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
    return {name: values[0] for name, values in fields.items()}


def add_common(app: FastAPI, static: Path) -> None:
    """Add the health check and our own style sheets and scripts."""
    files = {path.name: path for path in static.iterdir() if path.suffix in {".css", ".js"}}
    types = {".css": "text/css", ".js": "text/javascript"}

    @app.get("/healthz")
    def healthz() -> Response:
        return PlainTextResponse("ok")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return FileResponse(static / "icon.svg", media_type="image/svg+xml")

    @app.get("/ui/{name}")
    def static_file(name: str) -> Response:
        if name not in files:
            return PlainTextResponse("not found", 404)
        path = files[name]
        return FileResponse(
            path, media_type=types[path.suffix], headers={"cache-control": "no-cache"}
        )


def add_pictures(app: FastAPI, assistants: Sequence[Assistant]) -> None:
    """Serve each store's pictures under `/pictures/<store>/`, unable to run anything."""
    by_name = {assistant.shop.name: assistant for assistant in assistants}

    @app.get("/pictures/{store}/{relative:path}")
    def picture(store: str, relative: str) -> Response:
        assistant = by_name.get(store)
        path = assistant.picture(relative) if assistant else None
        if path is None or path.suffix.lower() not in PICTURE_TYPES:
            return PlainTextResponse("not found", 404)
        return FileResponse(
            path,
            media_type=PICTURE_TYPES[path.suffix.lower()],
            headers={
                "content-security-policy": PICTURE_POLICY,
                "cache-control": "private, max-age=86400",
            },
        )


def add_shop(
    app: FastAPI, site: Site, assistant: Assistant, *, base: str, cookie: str, with_samples: bool
) -> None:
    """Give one shop's page its conversation cookie and the form that starts a new conversation."""

    def mint(request: Request) -> tuple[str, str] | None:
        known = request.cookies.get(cookie, "")
        if _ID.match(known) and assistant.conversation(known) is not None:
            return None
        return cookie, assistant.start(language=language_of(request))

    site.pages[f"{base}/"] = mint

    @app.post(f"{base}/start")
    async def start(request: Request) -> Response:
        form = await read_form(request)
        language: Language = "zh" if form.get("language") == "zh" else "en"
        wanted = form.get("shopper") or None
        if wanted is not None and (not with_samples or wanted not in assistant.shoppers()):
            return PlainTextResponse("no such sample shopper", 403)
        conversation_id = await anyio.to_thread.run_sync(
            lambda: assistant.start(shopper_id=wanted, language=language)
        )
        response = RedirectResponse(f"{base}/", 303)
        response.headers.append("set-cookie", cookie_header(request, cookie, conversation_id))
        return response


def add_agent_door(app: FastAPI, site: Site, door: AgentDoor) -> None:
    """Add the agents' sign-in; `Guard` keeps everything else under `/agent` shut without it."""
    site.door = door
    site.pages["/agent/"] = lambda _request: None

    @app.get("/agent/login")
    def show(request: Request) -> Response:
        return HTMLResponse(login_page(language_of(request)))

    @app.post("/agent/login")
    async def enter(request: Request) -> Response:
        language = language_of(request)
        wait_s = door.wait_s()
        if wait_s:
            message = word(language, "agent.slow_down", seconds=wait_s)
            return HTMLResponse(
                login_page(language, message), 429, headers={"retry-after": str(wait_s)}
            )
        token = door.enter((await read_form(request)).get("password", ""))
        if token is None:
            return HTMLResponse(login_page(language, word(language, "agent.wrong")), 403)
        response = RedirectResponse("/agent/", 303)
        response.headers.append("set-cookie", cookie_header(request, door.COOKIE, token))
        return response

    @app.post("/agent/logout")
    def leave(request: Request) -> Response:
        door.leave(request.cookies.get(door.COOKIE))
        response = RedirectResponse("/agent/login", 303)
        response.headers.append("set-cookie", cookie_header(request, door.COOKIE, ""))
        return response


def login_page(language: Language, problem: str = "") -> str:
    """Return the sign-in page."""
    form = tag(
        "form",
        tag("h1", word(language, "agent.title")),
        tag("p", word(language, "agent.staff"), class_="aside"),
        tag("label", word(language, "agent.password"), for_="password"),
        tag(
            "input", id="password", name="password", type="password", required=True,
            autofocus=True, autocomplete="current-password",
        ),
        problem and tag("p", problem, class_="problem", role="alert"),
        tag("button", word(language, "agent.sign_in"), type="submit"),
        method="post",
        action="/agent/login",
    )  # fmt: skip
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", word(language, "agent.title")),
        tag("link", rel="stylesheet", href="/ui/base.css"),
        tag("link", rel="stylesheet", href="/ui/console.css"),
    )
    body = tag("body", tag("main", form), class_="door")
    page = tag("html", head, body, lang="zh-CN" if language == "zh" else "en")
    return "<!doctype html>" + join(page)
