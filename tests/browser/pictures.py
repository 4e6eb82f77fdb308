"""Write the README's pictures from a running application.

AGENT_PASSWORD=… make run            (in one terminal)
AGENT_PASSWORD=… python -m tests.browser.pictures [http://127.0.0.1:7860]
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, ask

OUT = ROOT / "docs" / "images"


def take(url: str, password: str) -> list[Path]:
    """Write `phone.png`, `desktop.png` and `agent.png`; return their paths."""
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def open_(path, width, height, wait, **options):
            page = browser.new_context(
                viewport={"width": width, "height": height}, **options
            ).new_page()
            page.goto(url + path)
            page.wait_for_selector(wait)
            return page

        def keep(page, name):
            page.mouse.move(1, 1)
            page.wait_for_timeout(1000)
            page.screenshot(path=OUT / name)

        page = open_("/", 1366, 900, "#say")
        turn = ask(page, "I just bought a tent, what else do I need under 100?")
        turn.locator(".add:not([disabled])").first.click()
        page.wait_for_selector(".cart-lines li")
        page.wait_for_timeout(7500)  # until the line about the cart has gone
        turn.locator(".chip[data-kind=bought_together], .chip").first.click()
        page.wait_for_selector(".panel:not([hidden]) h2")
        keep(page, "desktop.png")

        page = open_("/", 390, 844, "#say", device_scale_factor=2, has_touch=True)
        ask(page, "a warm sleeping bag under 150")
        keep(page, "phone.png")

        page = open_("/agent/", 1366, 900, "#password")
        page.fill("#password", password)
        page.press("#password", "Enter")
        page.wait_for_selector("#wish")
        page.fill("#wish", "a weekend hike for two")
        page.fill("#budget", "300")
        page.press("#wish", "Control+Enter")
        page.wait_for_selector(".option")
        page.evaluate("document.activeElement.blur()")
        keep(page, "agent.png")
        browser.close()
    return [OUT / name for name in ("desktop.png", "phone.png", "agent.png")]


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
    for written in take(address.rstrip("/"), os.environ["AGENT_PASSWORD"]):
        sys.stdout.write(f"{written}\n")
