"""A look at the data on the screen, and as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import __version__
from ..maps.quality_notes import findings_told
from ..maps.texts import Words, texts
from ..origins import INSIDE, OWN
from ..quality import full_record
from .in_words import Sheet, accounts_sheet, completeness_sheet, doubt_sheets, words_for, years_sheet
from .look import Look

MOST_PRINTED = 10  # rows of one table on the screen; the page has more, --json all


def print_look(console: Console, look: Look, *, language: str, page: Path | None = None) -> None:
    """Print what can be doubted about the data: in words, then table by table; and where the page was written."""
    words = words_for(look, language)
    console.print(Text(words.say("inspect.title", name=look.study.name), style="bold"))
    console.print(Text(numbers_told(look, words)))
    for line in findings_in_words(look, words):
        console.print(Text(f"- {line}"))
    for sheet in (completeness_sheet(look, words), *doubt_sheets(look, words), accounts_sheet(look, words),
                  years_sheet(look, words)):  # fmt: skip
        console.print()
        console.print(_table(sheet, words))
        if sheet.total > MOST_PRINTED and sheet.total > len(_first(sheet).rows):
            console.print(Text(words.say("inspect.first", shown=len(_first(sheet).rows), n=sheet.total)))
    if page:
        console.print()
        console.print(Text(words.say("inspect.written", path=str(page))), soft_wrap=True)


def _first(sheet: Sheet) -> Sheet:
    """Keep what fits a screen of a table of doubts; the others are short."""
    return replace(sheet, rows=sheet.rows[:MOST_PRINTED]) if sheet.caption.startswith("inspect.") else sheet


def _table(sheet: Sheet, words: Words) -> Table:
    table = Table(title=Text(words.say(sheet.caption)), title_justify="left", box=None, pad_edge=False)
    for number, key in enumerate(sheet.columns):
        table.add_column(words.say(key), justify="right" if number in sheet.numbers else "left", overflow="fold")
    for row in _first(sheet).rows:
        table.add_row(*map(Text, row))
    return table


def numbers_told(look: Look, words: Words) -> str:
    """Tell how much there is."""
    villages, accounts = look.tables.villages, look.quality.accounts
    own = (accounts["reason"] == OWN) & (accounts["standing"] == INSIDE) & (accounts["table"] == "services")
    return words.say(
        "inspect.numbers",
        villages=len(villages),
        people=look.quality.people,
        unknown=int(villages["population"].isna().sum()),
        services=int(accounts.loc[own, "rows"].sum()),
        rows=int(accounts["rows"].sum()),
    )


def findings_in_words(look: Look, words: Words) -> list[str]:
    """Tell every finding in the reader's language, with what it means and a few examples."""
    known, lines = texts(words.language), []
    for found in findings_told(look.findings(), look.quality):
        if found["line"]:
            line = words.tell(found["line"])
            lines.append(line[:1].upper() + line[1:])
            continue
        title = known.get(f"finding.{found['code']}", found["text"])
        parts = [f"{title}: {words.say('ui.whole', value=found['count'])}."]
        parts += [words.say(found["means"])] if found["means"] else []
        parts += [words.say("ui.examples", names=found["examples"])] if found["examples"] else []
        lines.append(" ".join(parts))
    return lines


def as_document(look: Look) -> str:
    """Write everything as one JSON document; what there is not is null."""
    document = {
        "version": __version__,
        "study": look.study.name,
        "municipalities": list(look.study.municipalities),
        "crs": look.tables.crs.to_string(),
        "sources": [asdict(source) for source in look.tables.sources],
        **full_record(look.quality),
        "findings": [asdict(finding) for finding in look.findings()],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
