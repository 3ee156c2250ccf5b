import json
from pathlib import Path

from command_line import Sens

GOOD = """\
sources:
  - name: plant-a
    broker: mqtt://broker.example.org
    password: {env: PLANT_A_PASSWORD}
    topics:
      - topic: sens/{device}/telemetry
        decoder: json
"""
BAD = GOOD.replace("broker:", "borker:").replace("decoder: json", "decoder: jsno")


def test_a_right_file_ends_with_0_and_warnings_stand_apart(sens: Sens, tmp_path: Path):
    (tmp_path / "sens.yaml").write_text(GOOD)
    answer = sens("check", "sens.yaml")
    assert answer.returncode == 0
    [warning] = answer.stdout.decode().splitlines()
    assert warning.startswith("sens.yaml:4:15: warning: ")
    assert "PLANT_A_PASSWORD" in warning
    assert answer.stderr.decode() == "sens.yaml: valid: 1 source, 1 topic, 1 warning\n"
    assert sens("check", "sens.yaml", PLANT_A_PASSWORD="x").stdout == b""


def test_every_mistake_is_a_line_with_its_place_and_the_code_is_3(sens: Sens, tmp_path: Path):
    (tmp_path / "sens.yaml").write_text(BAD)
    answer = sens("check", "sens.yaml")
    assert answer.returncode == 3
    lines = answer.stdout.decode().splitlines()
    assert any(line.startswith("sens.yaml:3:5: ") and "broker" in line for line in lines)
    assert any(line.startswith("sens.yaml:7:18: ") and "json" in line for line in lines)
    assert answer.stderr.decode() == f"sens.yaml: {len(lines)} problems\n"


def test_json_holds_the_same(sens: Sens, tmp_path: Path):
    (tmp_path / "sens.yaml").write_text(BAD)
    answer = sens("check", "--json", "sens.yaml")
    told = json.loads(answer.stdout)
    assert answer.returncode == 3
    assert (told["valid"], told["warnings"]) == (False, [])
    assert {(problem["line"], problem["column"]) for problem in told["problems"]} >= {(3, 5), (7, 18)}


def test_a_file_that_is_not_there_ends_with_3(sens: Sens):
    answer = sens("check", "nowhere.yaml")
    assert answer.returncode == 3
    assert answer.stdout.startswith(b"nowhere.yaml: cannot be read: No such file")


def test_sens_up_says_what_is_wrong_with_its_configuration_and_starts_nothing(sens: Sens, tmp_path: Path):
    (tmp_path / "sens.yaml").write_text(BAD)
    checked = sens("check", "sens.yaml").stdout.decode()
    answer = sens("up", "--config", "sens.yaml")
    assert answer.returncode == 3
    said = answer.stderr.decode()
    assert said.startswith(checked)
    assert said.removeprefix(checked).startswith("sens: nothing was started: sens.yaml has ")
    assert "Traceback" not in said
    assert [each.name for each in tmp_path.iterdir()] == ["sens.yaml"]


def test_a_configuration_that_is_not_there_is_an_error_that_names_the_option(sens: Sens, tmp_path: Path):
    answer = sens("up", "--config", "none.yaml")
    assert (answer.returncode, answer.stdout) == (3, b"")
    assert "none.yaml: cannot be read" in answer.stderr.decode()
    assert "--config" in answer.stderr.decode()
    assert not list(tmp_path.iterdir())
