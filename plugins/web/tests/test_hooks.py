"""Webhooks and the suggestion box on the pages."""

from __future__ import annotations

import re


def test_a_webhook_is_added_on_the_page_and_its_secret_shown_once(signed):
    """Refused with a reason where the address or the events are none; for whoever may configure alone."""
    one = signed("owner")
    form = {
        "name": "crm",
        "url": "https://crm.example.org/hook",
        "kinds": "record.create",
        "types": "customer",
    }
    wrong = one.post("/webhooks", {**form, "url": "http://127.0.0.1/"})
    assert 422 == wrong.status_code
    assert "webhook.url" in wrong.text
    assert 'value="crm"' in wrong.text
    assert 422 == one.post("/webhooks", {**form, "kinds": "nothing.is"}).status_code
    added = one.post("/webhooks", form)
    (secret,) = re.findall(r"whsec_[\w+/=]+", added.text)
    shown = one.get("/webhooks").text
    assert "https://crm.example.org/hook" in shown
    assert secret not in shown
    (path,) = re.findall(r'action="(/webhooks/[0-9a-f-]{36})"', shown)
    (other,) = re.findall(r"whsec_[\w+/=]+", one.post(path, {"do": "rotate"}).text)
    assert other != secret
    assert "paused" in one.post(path, {"do": "pause"}).text
    assert "crm.example.org" not in one.post(path, {"do": "remove"}).text
    assert 403 == signed("li.na").get("/webhooks").status_code
    assert 403 == signed("li.na").post("/webhooks", form).status_code


def test_what_somebody_suggests_is_read_by_the_owner(signed):
    """Anybody signed in puts something in, as text; the owner reads it and puts it away."""
    text = "<b>Bigger</b> buttons, please"
    one = signed("owner")
    forms = re.compile(r'action="(/suggestions/[0-9a-f-]{36})"')
    before = {*forms.findall(one.get("/suggestions").text)}
    assert "Thank you" in signed("tom").post("/suggestions", {"text": text}).text
    shown = one.get("/suggestions").text
    assert "&lt;b&gt;Bigger&lt;/b&gt; buttons, please" in shown
    assert 403 == signed("tom").get("/suggestions").status_code
    (path,) = {*forms.findall(shown)} - before
    assert 403 == signed("tom").post(path).status_code
    assert "Bigger" not in one.post(path).text
    assert 400 == signed("tom").post("/suggestions", {"text": " "}).status_code
