"""Which clients want a reading."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sens.domain.columns import Kind
from sens.platform_api.live.filter import FilterIndex, LiveFilter
from sens.storage.read_devices import Series


@dataclass(eq=False)
class Client:
    which: LiveFilter


ids = st.none() | st.frozensets(st.integers(1, 3), min_size=1)
names = st.none() | st.sampled_from(["a", "b"])
filters = st.builds(LiveFilter, names, names, names, ids, ids, st.none() | st.integers(1, 2))
some_series = st.builds(
    lambda id_, device_id, device, source, tenant_id, metric: Series(
        id_, device_id, device, source, tenant_id, metric, "", "", Kind.NUMBER, 0, None, None
    ),
    st.integers(1, 3),
    st.integers(1, 3),
    *[st.sampled_from(["a", "b"])] * 2,
    st.integers(1, 2),
    st.sampled_from(["a", "b"]),
)


@given(st.lists(filters), st.lists(filters), some_series)
def test_the_index_finds_whom_a_series_fits_and_nobody_twice(
    staying: list[LiveFilter], leaving: list[LiveFilter], series: Series
):
    index, clients, gone = FilterIndex[Client](), list(map(Client, staying)), list(map(Client, leaving))
    for client in clients + gone:
        index.add(client)
    for client in gone:
        index.remove(client)
    found = list(index.wanting(series))
    assert set(found) == {client for client in clients if client.which.fits(series)}
    assert len(found) == len(set(found))


def test_everything_given_has_to_fit():
    series = Series(7, 3, "boiler", "plant-a", 1, "m0", "", "", Kind.NUMBER, 0, None, None)
    everything = LiveFilter("plant-a", "boiler", "m0", frozenset([6, 7]), frozenset([3]), 1)
    assert everything.fits(series)
    assert LiveFilter().fits(series)
    for other in (
        LiveFilter(source="plant-b"),
        LiveFilter(device="boil"),
        LiveFilter(metric="m1"),
        LiveFilter(series_ids=frozenset([6])),
        LiveFilter(device_ids=frozenset([7])),
        LiveFilter(tenant_id=2),
    ):
        assert not other.fits(series)
