"""The composition root: read settings, open the stores, build the screens, serve them.

    STORE=outfitter LLM=packaged python app.py

Environment: HOST (127.0.0.1), PORT (7860), STORE (a name under `var/stores` or a path; several
separated by commas are served as /shop/<name>), LLM (packaged | own | none | directory | hub id |
URL),
SESSIONS (database URL), AGENT_PASSWORD (without it there is no agent page), SHOP_AS (on | off:
whether one may shop as a sample shopper; by default only while nobody else can reach the app).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.errors import ConfigError, ShopError
from retrieval.text.quiet import go_offline

if TYPE_CHECKING:
    from fastapi import FastAPI

    from assistant.service import Assistant

ROOT = Path(__file__).parent
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class AppSettings(BaseModel):
    """What the environment may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 7860
    store: Annotated[str, Field(min_length=1)] = "outfitter"
    llm: Annotated[str, Field(min_length=1)] = "packaged"
    sessions: str = ""
    """Database URL; empty keeps conversations in `var/sessions.db`."""
    agent_password: str = ""
    shop_as: Literal["on", "off", "auto"] = "auto"
    allowed_hosts: str = ""
    """Names under which the app is reached, separated by commas; needed only behind a name."""

    @property
    def stores(self) -> tuple[Path, ...]:
        """Directories of the stores."""
        names = [name.strip() for name in self.store.split(",") if name.strip()]
        return tuple(
            Path(name) if "/" in name or Path(name).exists() else ROOT / "var" / "stores" / name
            for name in names
        )

    @property
    def with_samples(self) -> bool:
        """Whether one may shop as a sample shopper."""
        return self.shop_as == "on" or (self.shop_as == "auto" and self.host in LOOPBACK)

    @property
    def hosts(self) -> list[str]:
        """Names a request may be sent to: a guard against other sites' names for this address."""
        named = [name.strip() for name in self.allowed_hosts.split(",") if name.strip()]
        if named:
            return named
        return ["127.0.0.1", "localhost", "[::1]"] if self.host in LOOPBACK else ["*"]


def read_settings(environment: Mapping[str, str]) -> AppSettings:
    """Return the checked settings.

    Raises:
        ConfigError: Naming the variable and its value.
    """
    names = {name.upper(): name for name in AppSettings.model_fields}
    given = {names[key]: value for key, value in environment.items() if key in names and value}
    try:
        return AppSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise ConfigError(f"{name}: {first['msg'].lower()}, got {first['input']!r}") from error


def open_assistants(settings: AppSettings) -> list[Assistant]:
    """Open every store that is named.

    Raises:
        ShopError: If a store or the language model cannot be used.
    """
    from assistant.service import open_assistant

    url = settings.sessions or f"sqlite:///{ROOT / 'var' / 'sessions.db'}"
    return [open_assistant(store, settings.llm, url) for store in settings.stores]


def build_app(settings: AppSettings, assistants: Sequence[Assistant]) -> FastAPI:
    """Return the application with every shop's page, and the agents' if there is a password."""
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware
    from fastapi.responses import RedirectResponse
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from assistant.ui import web
    from assistant.ui.console import build_console
    from assistant.ui.shopper import STATIC, build_shopper, cookie_name

    app, site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), web.Site()
    # Same origin only; without a CORS policy of ours, Gradio would answer any origin.
    app.add_middleware(CORSMiddleware, allow_origins=[], allow_methods=["GET", "POST"])
    app.add_middleware(web.Guard, site=site)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts)
    web.add_common(app, STATIC)
    web.add_pictures(app, assistants)

    # Asks for no font file; the colours are those of `base.css`, so that nothing flashes.
    theme = gr.themes.Base(font=["sans-serif"], font_mono=["monospace"]).set(
        body_background_fill="#f6f4ee", body_background_fill_dark="#131613"
    )

    def mount(blocks: gr.Blocks, path: str, style: str) -> None:
        head = "".join(f'<link rel="stylesheet" href="/ui/{name}">' for name in ("base.css", style))
        gr.mount_gradio_app(
            app, blocks, path=path, head=head, theme=theme, ssr_mode=False, footer_links=[],
            run_history=False, show_error=False, max_file_size=0, enable_monitoring=False,
            pwa=False, mcp_server=False, app_kwargs={"docs_url": None, "openapi_url": None},
        )  # fmt: skip

    if settings.agent_password:
        door = web.AgentDoor(settings.agent_password)
        web.add_agent_door(app, site, door)
        console = build_console(assistants[0], is_open=door.is_open, cookie=door.COOKIE)
        mount(console, "/agent", "console.css")
    else:
        print("agent page: not served; set AGENT_PASSWORD to open /agent", file=sys.stderr)

    is_alone = len(assistants) == 1
    for assistant in assistants:
        base = "" if is_alone else f"/shop/{assistant.shop.name}"
        cookie = cookie_name(assistant.shop.name)
        web.add_shop(
            app, site, assistant, base=base, cookie=cookie, with_samples=settings.with_samples
        )
        shopper = build_shopper(assistant, base=base, with_samples=settings.with_samples)
        mount(shopper, base or "/", "shopper.css")
    if not is_alone:
        first = f"/shop/{assistants[0].shop.name}/"
        app.get("/")(lambda: RedirectResponse(first, 303))
    return app


def main() -> int:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    go_offline()
    try:
        settings = read_settings(os.environ)
        app = build_app(settings, open_assistants(settings))
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    import uvicorn

    print(f"Whycart is at http://{settings.host}:{settings.port}/", file=sys.stderr)
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_level="warning", server_header=False
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
