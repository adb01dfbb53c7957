from stt_worker.routing.health import BYPASS_S, MAX_FAILURES, RecognizerHealth


def test_a_recognizer_that_fails_repeatedly_is_bypassed_for_a_while() -> None:
    health = RecognizerHealth()
    for number in range(MAX_FAILURES):
        assert not health.is_failing(100.0), number
        health.failed(ValueError("broken"), 100.0)
    assert health.is_failing(100.0 + BYPASS_S - 1)
    assert not health.is_failing(100.0 + BYPASS_S), "it gets a job as a trial"
    assert (health.state, health.failures, health.last_error) == ("failing", MAX_FAILURES, "ValueError('broken')")
    health.succeeded()
    assert health.state == "ready"


def test_failures_between_successes_are_those_of_single_jobs() -> None:
    health = RecognizerHealth()
    for _ in range(2 * MAX_FAILURES):
        health.failed(ValueError(), 0.0)
        health.succeeded()
    assert (health.state, health.is_failing(0.0)) == ("ready", False)
