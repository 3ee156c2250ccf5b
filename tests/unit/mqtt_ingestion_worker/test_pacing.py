from sens.mqtt_ingestion_worker.pacing import LINGER_S, Pacing


def run(pacing: Pacing, *, start: float, per_envelope: int, gap_s: float, envelopes: int) -> float:
    """Bursts of `per_envelope` messages, each sent when due; the next comes `gap_s` after. Returns the time."""
    now = start
    for _ in range(envelopes):
        pacing.arrived(now, per_envelope, per_envelope)
        sent_at = max(now, pacing.due_at(per_envelope))
        pacing.sent(sent_at, per_envelope, full=False)
        now = sent_at + gap_s
    return now


def test_at_low_rates_an_envelope_leaves_at_once():
    pacing = Pacing()
    now = run(pacing, start=0, per_envelope=1, gap_s=0.1, envelopes=50)
    pacing.arrived(now, 1, 1)
    assert pacing.due_at(1) <= now


def test_at_high_rates_an_envelope_is_held_so_that_it_fills():
    pacing = Pacing()
    now = 0.0
    for _ in range(2000):
        pacing.arrived(now, 100, 100)
        pacing.sent(now, 100, full=True)
        now += 0.001
    pacing.arrived(now, 100, 100)
    assert pacing.due_at(100) == now + LINGER_S


def test_a_broker_with_a_small_window_is_not_kept_waiting():
    pacing = Pacing()
    now = run(pacing, start=0, per_envelope=20, gap_s=0.0003, envelopes=200)
    before = now
    after = run(pacing, start=now, per_envelope=20, gap_s=0.0003, envelopes=100)
    assert after - before < 100 * LINGER_S / 2


def test_a_small_window_is_found_although_holding_lowers_the_rate_again():
    pacing = Pacing()
    now = run(pacing, start=0, per_envelope=20, gap_s=0.001, envelopes=200)
    assert pacing.window == 20
    assert run(pacing, start=now, per_envelope=20, gap_s=0.001, envelopes=100) - now < 0.11


def test_a_window_that_grew_is_noticed():
    pacing = Pacing()
    now = run(pacing, start=0, per_envelope=100, gap_s=0.0003, envelopes=50)
    assert pacing.window == 100
    pacing.arrived(now, 300, 300)
    pacing.sent(now, 300, full=False)
    assert pacing.window is None
