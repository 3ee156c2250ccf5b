from typing import Any

import pytest

from sens.cli.client import Target
from sens.cli.devices import run
from sens.cli.errors import WrongArgument


def ask(stub: Any, name: str) -> int:
    return run(Target(stub.url, None), name=name, prefix=None, source=None, limit=10, as_json=True)


@pytest.mark.parametrize("like_it", [[], [{"name": "pump-2"}]])
def test_a_device_that_is_not_there_is_a_wrong_argument(stub: Any, like_it: list[Any]):
    stub.answers = [(200, {"items": []}), (200, {"items": like_it})]
    with pytest.raises(WrongArgument, match="there is no device pump: sens devices"):
        ask(stub, "pump")


def test_a_device_without_readings_has_none(stub: Any, capsys: pytest.CaptureFixture[str]):
    stub.answers = [(200, {"items": []}), (200, {"items": [{"name": "pump"}]})]
    assert ask(stub, "pump") == 0
    assert capsys.readouterr().out == "[]\n"
