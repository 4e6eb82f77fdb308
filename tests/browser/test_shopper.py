"""The shopper's page, driven in a browser over the tiny store."""

import pytest

from tests.browser.conftest import CANARY_MARGIN, HOSTILE, ask, idle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def total(page):
    return page.inner_text("[data-slot=cart] .sum .price")


def test_from_question_to_record_to_cart(site, open_page):
    page = open_page(site.url)
    turn = ask(page, "What goes with the Fjellro Duo 2-person tent?")
    assert turn.locator(".group-cross_sell .card").count() >= 1
    assert turn.locator(".clause").count() >= 1
    # a chip opens the record it stands for
    turn.locator(".chip").first.click()
    page.wait_for_selector(".panel:not([hidden]) h2")
    assert page.locator(".panel .fields, .panel table, .panel blockquote").count() >= 1
    assert page.evaluate("document.activeElement.closest('.panel') !== null")
    page.keyboard.press("Escape")
    assert page.locator(".panel").is_hidden()
    assert page.evaluate("document.activeElement.classList.contains('chip')")
    # so does a clause's number
    turn.locator(".prose .mark").first.click()
    page.wait_for_selector(".panel:not([hidden]) h2")
    page.keyboard.press("Escape")
    # the cart holds what was added, once
    card = turn.locator(".card:has(.add:not([disabled]))").first
    price = card.locator(".price").first.inner_text()
    card.locator(".add").click()
    page.wait_for_selector(".cart-lines li")
    assert total(page) == price
    assert card.locator(".add.added").count() == 1
    page.click("[data-slot=cart] [aria-label^='One more of']")
    page.wait_for_function("document.querySelector('.quantity').textContent === '2'")
    idle(page)
    page.click("[data-slot=cart] .undo button")
    page.wait_for_function("document.querySelector('.quantity').textContent === '1'")
    assert total(page) == price
    assert page.watch.problems == []
    assert page.watch.foreign(site) == []


def test_a_reload_brings_the_conversation_back_and_another_visitor_sees_none_of_it(site, open_page):
    page = open_page(site.url)
    ask(page, "a tent under 300")
    page.locator(".add:not([disabled])").first.click()
    page.wait_for_selector(".cart-lines li")
    idle(page)
    cards, cart = page.locator(".card").count(), page.inner_text("[data-slot=cart]")
    page.reload()
    page.wait_for_selector(".card")
    assert page.locator(".card").count() == cards
    assert page.inner_text("[data-slot=cart]") == cart
    other = open_page(site.url)
    assert other.locator(".card, .said, .cart-lines li").count() == 0
    cookie = page.context.cookies()[0]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert len(cookie["value"]) >= 22  # 128 bits
    assert cookie["value"] not in page.content()


def test_a_condition_can_be_taken_away(site, open_page):
    page = open_page(site.url)
    ask(page, "a tent under 150")
    page.wait_for_selector(".constraint")
    n = page.locator(".constraint").count()
    page.locator(".constraint").first.click()
    page.wait_for_function(f"document.querySelectorAll('.constraint').length === {n - 1}")
    idle(page)
    assert page.locator(".turn").count() == 2


def test_why_not_the_cheaper_one_gets_an_answer_with_evidence(site, open_page):
    page = open_page(site.url)
    ask(page, "a sleeping bag")
    turn = ask(page, "Why not the cheaper one?")
    assert turn.locator(".prose").inner_text().strip()
    assert page.locator(".problem").count() == 0


@pytest.mark.parametrize("label", ["Why?", "Not for me"])
def test_buttons_on_a_card_answer(site, open_page, label):
    page = open_page(site.url)
    turn = ask(page, "a tent under 300")
    turn.locator(f".card .actions button:has-text('{label}')").first.click()
    page.wait_for_function("document.querySelectorAll('.turn').length === 2")
    idle(page)
    assert page.locator(".turn").last.locator(".prose").inner_text().strip()


@pytest.mark.parametrize("label", ["What goes with it", "Something better", "Similar ones"])
def test_the_menu_of_a_card_answers(site, open_page, label):
    page = open_page(site.url)
    turn = ask(page, "a tent under 300")
    turn.locator(".more summary").first.click()
    turn.locator(f".more button:has-text('{label}')").first.click()
    page.wait_for_function("document.querySelectorAll('.turn').length === 2")
    idle(page)
    assert page.locator(".turn").last.locator(".prose").inner_text().strip()
    assert page.locator(".problem").count() == 0


def test_a_bundle_is_added_as_a_whole(site, open_page):
    page = open_page(site.url)
    turn = ask(page, "a bundle for two nights of camping under 300")
    bundle = turn.locator(".bundle").first
    shown = bundle.locator(".sum .price").inner_text()
    n = bundle.locator(".lines > li").count()
    bundle.locator(".add").click()
    page.wait_for_function(f"document.querySelectorAll('.cart-lines > li').length === {n}")
    idle(page)
    assert total(page) == shown


def test_enter_sends_and_shift_enter_and_an_input_method_do_not(site, open_page):
    page = open_page(site.url)
    page.fill("#say", "a tent")
    page.press("#say", "Shift+Enter")
    assert page.input_value("#say") == "a tent\n"
    page.evaluate(
        """() => document.querySelector('#say').dispatchEvent(new KeyboardEvent('keydown',
        {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"""
    )
    page.wait_for_timeout(300)
    assert page.locator(".said").count() == 0
    page.press("#say", "Enter")
    page.wait_for_selector(".said")
    assert page.input_value("#say") == ""
    idle(page)


def test_a_double_submit_is_one_turn(site, open_page):
    page = open_page(site.url)
    page.fill("#say", "a tent")
    page.evaluate(
        """() => { const form = document.querySelector('.composer');
        form.requestSubmit(); form.requestSubmit(); document.querySelector('#say').value = 'a tent';
        form.requestSubmit(); }"""
    )
    idle(page)
    page.wait_for_timeout(500)
    assert page.locator(".turn").count() == 1


def test_new_sentences_are_spoken_once(site, open_page):
    page = open_page(site.url)
    turn = ask(page, "a tent under 300")
    page.wait_for_timeout(2000)
    spoken = page.inner_text("[data-speak]")
    for clause in turn.locator(".clause").all():
        words = clause.evaluate(
            "c => { const copy = c.cloneNode(true);"
            " copy.querySelectorAll('.mark').forEach(mark => mark.remove());"
            " return copy.textContent.replace(/\\s+/g, ' ') }"
        ).strip()
        assert spoken.count(words) == 1
    ask(page, "cheaper")
    page.wait_for_timeout(2000)
    later = page.inner_text("[data-speak]")
    assert later.startswith(spoken)


def test_the_language_toggle_and_the_shoppers_own_language(site, open_page):
    page = open_page(site.url)
    page.click(".lang")
    page.wait_for_selector(".shopper[lang='zh-CN']")
    assert "AI 助手" in page.inner_text(".label")
    page.click(".lang")
    page.wait_for_selector(".shopper[lang='en']")
    page.fill("#say", "我想要一顶帐篷")
    page.press("#say", "Enter")
    page.wait_for_selector(".shopper[lang='zh-CN']")
    idle(page)
    assert page.locator(".card").count() >= 1


def test_a_chinese_browser_is_greeted_in_chinese(site, open_page):
    page = open_page(site.url, locale="zh-CN")
    assert page.get_attribute(".shopper", "lang") == "zh-CN"


def test_shop_as_a_sample_shopper_shows_the_profile_and_forgets_nothing_unasked(site, open_page):
    page = open_page(site.url)
    page.click(".menu summary")
    page.select_option("#shop-as", index=1)
    shopper = page.input_value("#shop-as")
    page.click(".menu form button")
    page.wait_for_selector(f".status:has-text('{shopper}')")
    page.click(".menu summary")
    page.click("[data-look*=profile]")
    page.wait_for_selector(".panel .fields div")
    page.keyboard.press("Escape")
    page.click(".menu summary")
    page.click("[data-turn*=personalise_off]")
    page.wait_for_selector(".status:has-text('Personalisation is off')")
    page.click(".menu summary")
    page.click("[data-turn*=forget_me]")  # asks first
    assert "press again" in page.inner_text("[data-turn*=forget_me]")
    page.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 640), (1366, 768), (683, 384)])
def test_nothing_scrolls_sideways_and_the_composer_stays_visible(
    site, open_page, width, height, scheme
):
    page = open_page(site.url, width=width, height=height, color_scheme=scheme)
    for _ in range(2):
        overflow = page.evaluate(
            """() => [document.documentElement,
            ...document.querySelectorAll('.talk, .dock, .top')]
            .map(e => e.scrollWidth - e.clientWidth)"""
        )
        assert max(overflow) <= 0
        box = page.locator("#say").bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
        covered = page.evaluate(
            """() => { const b = document.querySelector('#say').getBoundingClientRect();
            return document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2).id }"""
        )
        assert covered == "say"
        ask(page, "a tent under 300")


def test_targets_are_large_enough_for_a_thumb(site, open_page):
    page = open_page(site.url, width=390, height=844, has_touch=True)
    ask(page, "a tent under 300")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, summary, select')]
        .filter(e => e.checkVisibility() && !e.closest('[inert], .cart'))
        .filter(e => !e.matches('.mark'))
        .map(e => { const r = e.getBoundingClientRect(), a = getComputedStyle(e, '::after');
          const grown = a.position === 'absolute' ? 12 : 0;
          return [e.className, Math.round(r.height + grown)] })
        .filter(([, height]) => height < 44 && height > 0)"""
    )
    assert small == []


def test_contrast_is_enough_in_light_and_dark(site, open_page):
    measure = """() => {
      const parse = c => c.match(/[\\d.]+/g).map(Number);
      const lum = ([r, g, b]) => [r, g, b].map(v => { v /= 255;
        return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 })
        .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
      const ground = e => { for (; e; e = e.parentElement) {
        const c = parse(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] === 1) return c; }
        return [255, 255, 255] };
      const bad = [];
      for (const e of document.querySelectorAll('[data-stage] *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!own || !e.checkVisibility() || e.closest('.sr-only, [disabled], .skip')) continue;
        const s = getComputedStyle(e), a = lum(parse(s.color)), b = lum(ground(e));
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) bad.push([e.className, e.textContent.slice(0, 30), ratio.toFixed(2)]);
      }
      return bad }"""
    for scheme in ("light", "dark"):
        page = open_page(site.url, color_scheme=scheme)
        assert page.evaluate(measure) == []
        ask(page, "What goes with the Fjellro Duo 2-person tent?")
        page.locator(".chip").first.click()
        page.wait_for_selector(".panel:not([hidden]) h2")
        page.wait_for_timeout(400)
        assert page.evaluate(measure) == []


def test_a_hostile_feed_reaches_the_screen_as_text(two_shops, open_page):
    page = open_page(f"{two_shops.url}/shop/hostile/")
    for question in ("a tent under 100", *HOSTILE.values()):
        ask(page, question)
        if page.locator(".turn:last-child .chip[data-kind=quote]").count():
            page.locator(".turn:last-child .chip[data-kind=quote]").first.click()
            page.wait_for_selector(".panel:not([hidden]) h2")
            page.keyboard.press("Escape")
    assert all(said in page.inner_text(".turns") for said in HOSTILE.values())
    nothing_happened(page, two_shops)


def test_hostile_texts_that_came_through_everything_are_still_text(hostile_site, open_page):
    """Import strips markup; here the service itself hands the attacks to the screen."""
    page = open_page(f"{hostile_site.url}/")
    turn = ask(page, "anything")
    text = turn.inner_text()
    for attack in HOSTILE.values():
        assert attack in text
    assert sorted(turn.locator(".card .title bdi").all_inner_texts()) == sorted(HOSTILE.values())
    turn.locator(".chip").first.click()
    page.wait_for_selector(".panel:not([hidden]) h2")
    assert next(iter(HOSTILE.values())) in page.inner_text(".panel")
    page.keyboard.press("Escape")
    turn.locator(".add:not([disabled])").first.click()
    page.wait_for_selector(".cart-lines li")
    assert "<" in page.inner_text(".cart-lines .title")
    page.reload()
    page.wait_for_selector(".card")
    nothing_happened(page, hostile_site)


def nothing_happened(page, site):
    """No element, address, dialog or request that was not ours."""
    assert page.locator("[data-stage] :is(script, iframe, object, a[href^=http])").count() == 0
    forms = page.eval_on_selector_all("[data-stage] form", "fs => fs.map(f => f.action)")
    sources = page.eval_on_selector_all("[data-stage] img", "is => is.map(i => i.src)")
    assert all(address.startswith(site.url) for address in (*forms, *sources))
    assert page.evaluate("document.elementFromPoint(683, 700).closest('[data-stage]') !== null")
    assert page.watch.dialogs == []
    assert page.watch.foreign(site) == []
    assert [p for p in page.watch.problems if "404" not in p] == []


def test_an_inline_script_that_got_in_would_not_run(site, open_page):
    page = open_page(site.url)
    page.evaluate(
        """() => { const d = document.createElement('div');
        d.innerHTML = '<img src="/nothing" onerror="window.ran = 1">'; document.body.append(d);
        const s = document.createElement('script'); s.textContent = 'window.ran = 2';
        document.body.append(s);
        fetch('http://evil.example/').catch(() => { window.stopped = 1 }) }"""
    )
    page.wait_for_function("window.stopped === 1")
    assert page.evaluate("window.ran") is None


def test_two_shops_have_their_own_conversations_and_pictures(two_shops, open_page):
    page = open_page(two_shops.url)
    assert page.url.endswith("/shop/tiny/")
    ask(page, "a tent")
    page.goto(f"{two_shops.url}/shop/hostile/")
    page.wait_for_selector("#say")
    assert page.locator(".said").count() == 0
    assert {c["name"] for c in page.context.cookies()} == {"whycart_tiny", "whycart_hostile"}


def test_no_shopper_payload_holds_a_margin(two_shops, open_page):
    page = open_page(f"{two_shops.url}/shop/hostile/")
    bodies = [page.request.get(page.url).text()]

    def keep(route):
        answer = route.fetch()
        bodies.append(answer.text())
        route.fulfill(response=answer)

    page.route("**/gradio_api/**", keep)
    ask(page, "a bundle of tent and mat under 400")
    ask(page, "a tent under 100")
    for chip in page.locator(".chip").all()[:6]:
        chip.click()
        page.wait_for_selector(".panel:not([hidden]) h2")
        page.keyboard.press("Escape")
    spoken = "\n".join(bodies)
    assert "tent-duo" in spoken
    for canary in (CANARY_MARGIN.removeprefix("0."), "73.9 %", "73.9%", "73.92", "74 %", "74%"):
        assert canary not in spoken
    assert "margin" not in "\n".join(bodies[1:]).lower()  # the first is the page with its styles


def test_gradio_routes_that_are_not_needed_are_shut(site, open_page):
    page = open_page(site.url)
    for path in ("/gradio_api/upload", "/gradio_api/file=app.py", "/config", "/gradio_api/info"):
        for method in ("get", "post"):
            assert getattr(page.request, method)(site.url + path).status in {403, 404}


def test_a_forged_event_gets_no_conversation(site, open_page):
    """The raw protocol, with no cookie and a forged conversation id in the event."""
    page = open_page(site.url)
    config = page.evaluate("window.gradio_config.dependencies.map(d => d.id)")
    stolen = page.context.cookies()[0]["value"]
    context = page.context.browser.new_context()
    for fn_index in config:
        answer = context.request.post(
            f"{site.url}/gradio_api/run/predict",
            data={
                "data": [], "fn_index": fn_index, "session_hash": "stolen",
                "event_data": {"text": "a tent", "conversation_id": stolen},
            },
        )  # fmt: skip
        said = answer.text()
        assert 'class=\\"card' not in said
    context.close()
