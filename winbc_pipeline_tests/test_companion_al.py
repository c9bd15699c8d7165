"""The companion app in AL equals its contract, and a difference is found. Not run where tree-sitter-al is not there.

`make al` installs tree-sitter-al, where Python 3.12 can be had.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AL = ROOT / "bc-extension"
PYTHON = ROOT / ".venv-al" / "bin" / "python"
CONTRACT = ROOT / "winbc_pipeline" / "facts" / "companion_app.json"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="NOT RUN: no tree-sitter-al, see `make al`")

# Where, what stands there, what is put in its place, and what must be said.
PLANTED = {
    "a field is left out": (
        "Item/WINSItemSettingsAPI.Page.al",
        "field(webId;",
        "field(webKey;",
        "itemSettings: fields",
    ),
    "a length differs": ("Item/WINSItem.TableExt.al", "Text[250]", "Text[100]", "itemSettings.shortDescription"),
    "an option differs": ("Item/WINSItemStatus.Enum.al", "value(2; Hidden)", "value(2; Gone)", "itemSettings.status"),
    "a verb differs": (
        "SyncState/WINSSyncStatesAPI.Page.al",
        "Extensible",
        "DeleteAllowed = false; Extensible",
        "verbs",
    ),
    "an action is gone": ("Order/WINSOrderRequestsAPI.Page.al", "[ServiceEnabled]", "", "orderRequests: actions"),
    "a key differs": ("SyncState/WINSSyncState.Table.al", 'key(PK; Flow, "Source Key")', "key(PK; Flow)", "naturalKey"),
    "a set is renamed": ("Stock/WINSSalesDemands.Query.al", "'salesDemands'", "'salesNeeds'", "salesDemands: only in"),
    "a right is gone": (
        "Setup/WINSApi.PermissionSet.al",
        '"WINS Sync State" = RIMD',
        '"WINS Sync State" = R',
        "no right",
    ),
    "a set is not told of": ("Setup/WINSCapabilities.Codeunit.al", "'syncStates'", "'states'", "WINS Capabilities"),
}


def compared(app: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, AL / "check" / "contract.py", app, CONTRACT, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_app_is_what_the_contract_says() -> None:
    answer = compared(AL / "app")
    assert (answer.returncode, answer.stdout.count("\n")) == (0, 1), answer.stdout


def test_the_variant_for_version_14_is_what_the_contract_says() -> None:
    answer = compared(AL / "app-bc14", "--bc14")
    assert (answer.returncode, answer.stdout.count("\n")) == (0, 1), answer.stdout


@pytest.mark.proof
@pytest.mark.parametrize("planted", PLANTED)
def test_a_difference_is_found(planted: str, tmp_path: Path) -> None:
    place, old, new, said = PLANTED[planted]
    app = tmp_path / "app"
    shutil.copytree(AL / "app", app)
    file = app / "src" / place
    assert old in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    answer = compared(app)
    assert answer.returncode == 1
    assert said in answer.stdout, answer.stdout


# A text, what is put in its place, and what must be said.
PLANTED_TEXTS = {
    "no Dutch": (", Comment = 'nl-NL=\"Winstore-status\"'", "", "no Dutch text for TableExtension WINS Item"),
    "no caption": (
        "Caption = 'Winstore Status', Comment = 'nl-NL=\"Winstore-status\"';",
        "",
        "no caption for TableExt",
    ),
}


def texts_of(app: Path) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, AL / "check" / "texts.py", app, "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("app", ["app", "app-bc14"])
def test_what_people_see_has_a_caption_in_english_and_dutch(app: str) -> None:
    answer = texts_of(AL / app)
    assert (answer.returncode, answer.stdout.count("\n")) == (0, 1), answer.stdout


@pytest.mark.proof
@pytest.mark.parametrize("planted", PLANTED_TEXTS)
def test_a_text_that_is_missing_is_found(planted: str, tmp_path: Path) -> None:
    old, new, said = PLANTED_TEXTS[planted]
    app = tmp_path / "app"
    shutil.copytree(AL / "app", app)
    file = app / "src" / "Item" / "WINSItem.TableExt.al"
    assert old in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    answer = texts_of(app)
    assert answer.returncode == 1
    assert said in answer.stdout, answer.stdout
