from sens.mqtt.read_pacing import READS_LOOKED_AT, REST_S, SMALL_READ_BYTES, THIN_READ_BYTES, ReadPacing


def thick(pacing: ReadPacing, reads: int = READS_LOOKED_AT) -> float:
    """Small reads every 50 µs; what the last one was told."""
    return [pacing.rest_s(read * 0.00005, 200) for read in range(1, reads + 1)][-1]


def test_small_reads_that_come_thick_are_gathered():
    pacing = ReadPacing(0.0)
    assert thick(pacing, READS_LOOKED_AT - 1) == 0.0
    assert pacing.rest_s(0.0033, 200) == REST_S
    assert pacing.rest_s(0.0055, 5_000) == REST_S


def test_reads_at_low_rates_and_large_ones_are_not_delayed():
    pacing = ReadPacing(0.0)
    assert {pacing.rest_s(read * 0.001, 200) for read in range(1, 300)} == {0.0}
    assert {pacing.rest_s(1 + read * 0.00001, SMALL_READ_BYTES) for read in range(300)} == {0.0}


def test_gathering_ends_when_the_rate_falls():
    pacing = ReadPacing(0.0)
    assert thick(pacing) == REST_S
    assert pacing.rest_s(1.0, THIN_READ_BYTES - 1) == 0.0
    assert pacing.rest_s(1.1, 100) == 0.0
