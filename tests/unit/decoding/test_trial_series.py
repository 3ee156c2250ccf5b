"""Series of a trial are numbered and limited as those of the database."""

from sens.decoding.trial import _LocalSeries  # pyright: ignore[reportPrivateUsage]
from sens.domain.columns import Kind, Rejection
from sens.storage.series import SeriesKey


def test_devices_of_the_same_name_in_two_sources_each_have_their_own_limit():
    series = _LocalSeries(1)
    keys = [SeriesKey(source, "boiler", "t", "", Kind.NUMBER) for source in (0, 1)]
    assert series.resolve(keys) == [0, 1]
    assert isinstance(series.resolve([SeriesKey(1, "boiler", "p", "", Kind.NUMBER)])[0], Rejection)
