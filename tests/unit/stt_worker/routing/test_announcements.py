"""Announcements of workers are true of every job, whatever their models are."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from stt_worker.routing.routed_model import OPTIONS, RoutedModel, wanted_options
from stt_worker.routing.router import Router
from stt_worker.routing.rules import RouteRule
from tests.testkit.streams.jobs import job
from tests.unit.stt_worker.routing.test_router import Named, chosen

CODES = ("en", "de", "zh")
flags = ("translates", "uses_prompts", "uses_hotwords", "measures_words")
# No codes: the languages of the model are unknown.
recognizers = st.builds(
    lambda codes, abilities: Named("model", *codes, **abilities),
    st.sets(st.sampled_from(CODES)),
    st.fixed_dictionaries({flag: st.booleans() for flag in flags}),
)
rules = st.builds(RouteRule, st.frozensets(st.sampled_from(CODES)), st.sampled_from([None, 3.0]))
routers = st.builds(Router, recognizers, st.lists(st.builds(RoutedModel, recognizers, rules), max_size=3))
jobs = st.fixed_dictionaries(
    {
        "language": st.sampled_from([None, *CODES]),
        "prompt": st.sampled_from(["", "Nova"]),
        "hotwords": st.sampled_from(["", "Nova"]),
        "words": st.booleans(),
        "partial_words": st.booleans(),
        "task": st.sampled_from(["transcribe", "translate"]),
    }
)


@given(routers, jobs, st.sampled_from([1.0, 5.0]))
def test_a_job_gets_what_its_worker_announces(router: Router, options: dict[str, Any], seconds: float) -> None:
    announced = router.announcement()
    languages = announced.get("languages")
    assert languages is None or isinstance(languages, list)
    assume(languages is None or options["language"] in (None, *languages))
    tasks = announced["tasks"]
    assert isinstance(tasks, list)
    assume(options["task"] in tasks)

    one = job(1, **options)
    model = router.choose(one, seconds)
    assert model.serves(one, seconds, router.default.languages)
    promised = {option for option in OPTIONS if announced[option]}
    assert wanted_options(one) & promised <= model.options


@given(recognizers)
def test_a_worker_with_one_model_announces_what_the_model_has(recognizer: Named) -> None:
    router = Router(recognizer)
    assert router.translates == recognizer.translates
    assert router.options == router.default.options
    assert router.languages == recognizer.languages


def test_a_model_with_some_of_the_options_comes_before_one_with_none() -> None:
    light = RoutedModel(Named("light", "en", uses_prompts=False, measures_words=False), RouteRule(below_s=3.0))
    router = Router(Named("large", "en", uses_prompts=False, uses_hotwords=True, measures_words=False), [light])
    assert chosen(router, 1.0, language="en") == "light"
    assert chosen(router, 1.0, language="en", hotwords="Nova", prompt="Voice", words=True) == "large"


def test_options_that_only_different_models_have_are_not_announced_together() -> None:
    asian = RoutedModel(Named("asian", "zh", uses_prompts=True, uses_hotwords=False), RouteRule(frozenset({"zh"})))
    router = Router(Named("large", "zh", uses_prompts=False, uses_hotwords=True), [asian])
    assert router.options == {"prompts", "word_times"}
    assert chosen(router, language="zh", prompt="Nova", hotwords="Nova") == "asian"
    assert chosen(router, language="zh", hotwords="Nova") == "large", "it has an effect all the same"


def test_an_option_of_a_language_is_not_announced_for_detected_ones() -> None:
    """A language that is detected goes to the model that knows all of them."""
    routes = [RoutedModel(Named(code, code), RouteRule(frozenset({code}))) for code in ("en", "de")]
    router = Router(Named("large", "en", "de", uses_prompts=False), routes)
    assert "prompts" not in router.options
    assert chosen(router, prompt="Nova") == "large"
