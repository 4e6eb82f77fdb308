"""What the environment may say to `app.py`."""

import pytest

import app
from retrieval.errors import ConfigError


def test_the_defaults_are_local_and_quiet():
    settings = app.read_settings({})
    assert (settings.host, settings.port, settings.llm) == ("127.0.0.1", 7860, "packaged")
    assert settings.stores == (app.ROOT / "var" / "stores" / "outfitter",)
    assert settings.agent_password == ""
    assert settings.with_samples
    assert "evil.example" not in settings.hosts


def test_several_stores_and_paths(tmp_path):
    settings = app.read_settings({"STORE": f"outfitter, {tmp_path}"})
    assert settings.stores == (app.ROOT / "var" / "stores" / "outfitter", tmp_path)


def test_nobody_may_shop_as_another_where_others_can_reach_the_app():
    assert not app.read_settings({"HOST": "0.0.0.0"}).with_samples
    assert app.read_settings({"HOST": "0.0.0.0", "SHOP_AS": "on"}).with_samples


@pytest.mark.parametrize(("name", "value"), [("PORT", "many"), ("PORT", "0"), ("SHOP_AS", "maybe")])
def test_a_bad_setting_is_named(name, value):
    with pytest.raises(ConfigError, match=f"{name}: .*{value}"):
        app.read_settings({name: value})
