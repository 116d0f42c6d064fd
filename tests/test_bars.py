"""Progress: bars with counts in a terminal, a line a stage elsewhere, nothing where nothing is wanted."""

import io

import pytest
from rich.console import Console

from geoklynge.bars import shown_progress


def shown(*, terminal: bool, silent: bool = False) -> str:
    """What a run of two stages shows."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, highlight=False)
    with shown_progress(silent=silent, console=console) as report:
        report("travel", 0, 0)
        report("travel", 3, 45)
        report("travel", 45, 45)
        report("ties", 0, 0)
    return screen.getvalue()


def test_a_terminal_shows_a_bar_with_counts_for_each_stage():
    text = shown(terminal=True)
    assert "travel" in text
    assert "45/45" in text
    assert "ties" in text
    assert "1/1" in text.rsplit("ties", 1)[1]  # a stage that counts nothing ends as a full bar


def test_elsewhere_there_is_one_plain_line_a_stage():
    lines = shown(terminal=False).splitlines()
    assert [line.split(":")[0] for line in lines] == ["travel", "ties"]
    assert all(line.endswith(" s") and "\x1b" not in line for line in lines)


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_where_nothing_is_wanted(terminal):
    assert shown(terminal=terminal, silent=True) == ""


def test_an_error_in_a_stage_is_passed_on():
    screen = io.StringIO()

    def run():
        with shown_progress(silent=False, console=Console(file=screen)) as report:
            report("travel", 0, 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert screen.getvalue() == ""  # a stage that failed is not over
