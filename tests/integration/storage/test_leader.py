"""One maintenance leader at a time."""

import pytest

from database_roles import url_as
from sens.storage.leader import connect_maintenance, resign, try_lead
from sens.storage.migrate import SchemaBehind
from sens.storage.privileges import Role
from servers import wait_until


@pytest.fixture
def writer_url(database_url: str) -> str:
    return url_as(Role.WRITER, database_url)


def test_one_of_two_leads_and_goes_on_leading(writer_url: str) -> None:
    with connect_maintenance(writer_url) as one, connect_maintenance(writer_url) as other:
        assert [try_lead(one), try_lead(other), try_lead(one)] == [True, False, True]


def test_leadership_ends_with_the_connection(writer_url: str) -> None:
    with connect_maintenance(writer_url) as standby:
        with connect_maintenance(writer_url) as leader:
            assert try_lead(leader)
            assert not try_lead(standby)
        wait_until(lambda: try_lead(standby), what="the server to notice")


def test_a_leader_that_resigns_lets_another_lead_at_once(writer_url: str) -> None:
    with connect_maintenance(writer_url) as one, connect_maintenance(writer_url) as other:
        assert try_lead(one)
        assert try_lead(one)
        resign(one)
        assert try_lead(other)


def test_nobody_leads_a_database_that_is_not_migrated_yet(empty_database_url: str) -> None:
    with pytest.raises(SchemaBehind):
        connect_maintenance(empty_database_url)
