"""The agents' page, driven in a browser over the tiny store."""

import pytest

from tests.browser.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def desk(site, open_page):
    page = open_page(f"{site.url}/agent/", wait="#password")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#wish")
    return page


def test_the_page_refuses_without_signing_in(site, open_page):
    page = open_page(f"{site.url}/agent/", wait="#password")
    assert page.url.endswith("/agent/login")
    for path in ("/agent/gradio_api/queue/join", "/agent/gradio_api/run/predict"):
        assert page.request.post(site.url + path, data={"data": [], "fn_index": 1}).status == 401
    page.fill("#password", "a guess")
    page.press("#password", "Enter")
    page.wait_for_selector(".problem")
    assert page.locator("#wish").count() == 0


def test_there_is_no_agents_page_without_a_password(two_shops, open_page):
    page = open_page(f"{two_shops.url}/shop/tiny/")
    for path in ("/agent", "/agent/", "/agent/login"):
        assert page.request.get(two_shops.url + path).status == 404
    assert "set AGENT_PASSWORD" in two_shops.log.read_text()


def test_bundles_by_keyboard_and_a_message_without_the_margin(desk):
    desk.fill("#wish", "camping for two")
    desk.fill("#budget", "300")
    desk.fill("#must", "tent-duo\nno such thing at all")
    desk.press("#wish", "Control+Enter")
    desk.wait_for_selector(".option")
    assert 1 <= desk.locator(".option").count() <= 3
    option = desk.locator(".option").first
    assert "%" in option.locator(".sums").inner_text()
    assert "tent-duo" in option.inner_text()
    assert option.locator(".reasons li").count() >= 1
    desk.evaluate("document.activeElement.blur()")
    desk.keyboard.press("1")
    desk.wait_for_selector(".copy:has-text('Copied')")
    message = desk.evaluate("navigator.clipboard.readText()")
    assert message
    margin = option.locator(".sums dd").last.inner_text()
    assert margin not in message
    assert "margin" not in message.lower()


def test_what_cannot_be_read_is_named(desk):
    desk.fill("#budget", "lots")
    desk.click(".solve")
    desk.wait_for_selector(".problem")
    assert "Budget: 'lots'" in desk.inner_text(".problem")


def test_nothing_scrolls_at_1366(desk):
    overflow = desk.evaluate(
        """() => { const page = document.documentElement;
        return [page.scrollWidth - 1366, page.scrollHeight - 768] }"""
    )
    assert max(overflow) <= 0


def test_signing_out_shuts_the_page(desk, site):
    desk.click(".top form button")
    desk.wait_for_selector("#password")
    assert desk.request.get(f"{site.url}/agent/").url.endswith("/agent/login")
