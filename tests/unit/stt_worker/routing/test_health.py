from stt_worker.routing.health import BYPASS_S, MAX_FAILURES, RecognizerHealth


def test_a_recognizer_that_fails_repeatedly_is_bypassed_for_a_while() -> None:
    health = RecognizerHealth()
    for number in range(MAX_FAILURES):
        assert health.accepts_job(100.0), number
        health.failed(ValueError("broken"), 100.0)
    assert not health.accepts_job(100.0 + BYPASS_S - 1)
    assert health.accepts_job(100.0 + BYPASS_S), "a trial"
    assert (health.state, health.failures, health.last_error) == ("failing", MAX_FAILURES, "ValueError('broken')")
    health.succeeded()
    assert health.state == "ready"
    assert health.accepts_job(100.0 + BYPASS_S)


def test_a_trial_is_a_single_job_until_it_succeeds_or_is_lost() -> None:
    health = RecognizerHealth()
    for _ in range(MAX_FAILURES):
        health.failed(ValueError("broken"), 100.0)
    trials = [now for now in range(100, 200) if health.accepts_job(float(now))]
    assert trials == [130, 160, 190]
    health.failed(ValueError("broken"), 195.0)
    assert not health.accepts_job(220.0), "the trial took some time"
    assert health.accepts_job(225.0)


def test_failures_between_successes_are_those_of_single_jobs() -> None:
    health = RecognizerHealth()
    for _ in range(2 * MAX_FAILURES):
        health.failed(ValueError(), 0.0)
        health.succeeded()
    assert (health.state, health.accepts_job(0.0)) == ("ready", True)
