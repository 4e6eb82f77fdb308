"""Doors, cookies and headers, without Gradio."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from assistant.ui import web


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def make_client(door=None, *, samples=True, assistant=None):
    app, site = FastAPI(), web.Site()
    app.add_middleware(web.Guard, site=site)
    conversations = set()

    def start(*, shopper_id=None, language="en"):
        conversations.add(f"conversation-{shopper_id}-{language}")
        return f"conversation-{shopper_id}-{language}"

    assistant = SimpleNamespace(
        shop=SimpleNamespace(name="tiny"),
        start=start,
        conversation=lambda id_: id_ if id_ in conversations else None,
        shoppers=lambda: ("S1",),
        picture=lambda relative: None,
    )
    web.add_shop(app, site, assistant, base="", cookie="whycart_tiny", with_samples=samples)
    web.add_pictures(app, [assistant])
    if door is not None:
        web.add_agent_door(app, site, door)

    @app.get("/healthz")
    def healthz():
        return "ok"

    @app.get("/agent/")
    def agent():
        return web.HTMLResponse("desk")

    @app.get("/")
    def page():
        return web.HTMLResponse(
            '<script>1</script><script src=x></script><meta property="og:image" content="https://x">'
        )

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    def anything(path):
        return "reached"

    return TestClient(app, base_url="http://testserver", follow_redirects=False)


def test_a_page_gets_a_nonce_a_policy_and_a_conversation_cookie():
    answer = make_client().get("/", headers={"accept-language": "zh-CN,en;q=0.5"})
    policy = answer.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert nonce
    assert (
        answer.text == f'<script nonce="{nonce}">1</script><script nonce="{nonce}" src=x></script>'
    )
    assert "script-src 'self' 'nonce-" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    cookie = answer.headers["set-cookie"]
    assert cookie == "whycart_tiny=conversation-None-zh; Path=/; HttpOnly; SameSite=Strict"


def test_a_known_conversation_keeps_its_cookie_and_an_unknown_one_is_replaced():
    client = make_client()
    client.get("/")
    assert "set-cookie" not in client.get("/").headers
    forged = make_client()
    forged.cookies.set("whycart_tiny", "conversation-forged-by-someone")
    assert "set-cookie" in forged.get("/").headers


def test_the_cookie_is_secure_over_https():
    client = make_client()
    client.base_url = "https://testserver"
    assert "; Secure" in client.get("/").headers["set-cookie"]


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/upload", "gradio_api/file=/etc/passwd", "gradio_api/proxy=http://x",
        "gradio_api/component_server", "gradio_api/info", "gradio_api/openapi.json", "config",
        "gradio_api/run-history/records", "gradio_api/call/turn", "gradio_api/api/predict",
        "monitoring", "login_check", "gradio_api/queue/../upload", "gradio_api/vibe-edit",
    ],
)  # fmt: skip
def test_gradio_routes_that_no_page_needs_are_shut(path):
    client = make_client()
    assert client.get(f"/{path}").status_code == 404
    assert client.post(f"/{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["gradio_api/queue/join", "gradio_api/queue/data", "assets/a.js", "theme.css", "healthz"],
)
def test_routes_that_the_pages_need_are_open(path):
    assert make_client().get(f"/{path}").status_code == 200


def test_every_answer_carries_the_headers():
    for path in ("/", "/healthz", "/nothing", "/agent/"):
        headers = make_client().get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
def test_another_site_cannot_post(headers):
    assert make_client().post("/gradio_api/queue/join", headers=headers).status_code == 403


def test_a_large_body_is_refused():
    large = b"x" * (web.MAX_BODY_BYTES + 1)
    assert make_client().post("/gradio_api/queue/join", content=large).status_code == 413


def test_one_may_shop_as_a_sample_shopper_only_where_it_is_allowed():
    answer = make_client().post("/start", data={"shopper": "S1", "language": "zh"})
    assert answer.status_code == 303
    assert "conversation-S1-zh" in answer.headers["set-cookie"]
    assert make_client().post("/start", data={"shopper": "S2"}).status_code == 403
    assert make_client(samples=False).post("/start", data={"shopper": "S1"}).status_code == 403


def test_the_agents_page_does_not_exist_without_a_password():
    client = make_client()
    assert client.get("/agent/").status_code == 404
    assert client.post("/agent/gradio_api/queue/join").status_code == 404
    with pytest.raises(ValueError, match="AGENT_PASSWORD"):
        web.AgentDoor("")


def test_everything_under_agent_is_refused_without_signing_in():
    client = make_client(web.AgentDoor("right"))
    assert client.get("/agent/").headers["location"] == "/agent/login"
    for path in ("/agent/gradio_api/queue/join", "/agent/assets/x.js", "/agent/logout"):
        assert client.post(path).status_code == 401
        assert client.get(path).status_code == 401


def test_signing_in_and_out():
    client = make_client(web.AgentDoor("right"))
    assert client.post("/agent/login", data={"password": "wrong"}).status_code == 403
    answer = client.post("/agent/login", data={"password": "right"})
    assert answer.status_code == 303
    assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]
    assert client.get("/agent/").text == "desk"
    assert client.get("/agent/gradio_api/upload").status_code == 404
    token = client.cookies["whycart_agent"]
    client.post("/agent/logout")
    client.cookies.set("whycart_agent", token)
    assert client.get("/agent/").status_code == 303


def test_wrong_passwords_slow_down():
    clock = Clock()
    client = make_client(web.AgentDoor("right", clock=clock))
    for _ in range(5):
        client.post("/agent/login", data={"password": "wrong"})
    answer = client.post("/agent/login", data={"password": "right"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    clock.now = 61
    assert client.post("/agent/login", data={"password": "right"}).status_code == 303


def test_a_session_ends_after_eight_hours():
    clock = Clock()
    door = web.AgentDoor("right", clock=clock)
    token = door.enter("right")
    assert door.is_open(token)
    clock.now = 8 * 3600 + 1
    assert not door.is_open(token)


def test_a_picture_cannot_run_anything(tmp_path):
    drawing = tmp_path / "a.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    app = FastAPI()
    app.add_middleware(web.Guard, site=web.Site())
    shop = SimpleNamespace(name="tiny")
    assistant = SimpleNamespace(shop=shop, picture={"a.svg": drawing}.get)
    web.add_pictures(app, [assistant])
    client = TestClient(app)
    answer = client.get("/pictures/tiny/a.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/pictures/tiny/b.svg").status_code == 404
    assert client.get("/pictures/other/a.svg").status_code == 404
