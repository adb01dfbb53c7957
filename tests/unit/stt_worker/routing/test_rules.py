import pytest

from backend.errors import ModelError
from stt_worker.routing.rules import RouteRule, parse_routes


def test_rules_are_read_in_order() -> None:
    assert parse_routes(" en<3 = /models/light ;zh,ja=hf://org/name@1;*<1.5=http://host:1/v1?a=b; ") == [
        (RouteRule(frozenset({"en"}), 3.0), "/models/light"),
        (RouteRule(frozenset({"zh", "ja"})), "hf://org/name@1"),
        (RouteRule(below_s=1.5), "http://host:1/v1?a=b"),
    ]
    assert parse_routes("") == []


@pytest.mark.parametrize("setting", ["zh,en<2.5", "*", "*<3", "en"])
def test_a_rule_is_shown_as_it_is_written(setting: str) -> None:
    (rule, _), *_ = parse_routes(f"{setting}=x")
    assert parse_routes(f"{rule.text}=x") == [(rule, "x")]


@pytest.mark.parametrize("setting", ["en", "en=", "=x", "en<=x", "en<-3=x", "en<0=x", "english=x", "en<3;zh=x"])
def test_a_rule_that_cannot_be_read_is_refused(setting: str) -> None:
    with pytest.raises(ModelError, match="STT_ROUTES"):
        parse_routes(setting)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ModelError, match="unknown languages: qq"):
        parse_routes("en,qq=x")
