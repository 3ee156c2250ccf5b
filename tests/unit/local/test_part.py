from sens.local.part import RestartPolicy


def test_pauses_double_up_to_a_limit_and_never_overflow():
    policy = RestartPolicy(first_delay_s=0.5, max_delay_s=30)
    assert [policy.delay_s(deaths) for deaths in (1, 2, 3, 7, 10_000)] == [0.5, 1, 2, 30, 30]
