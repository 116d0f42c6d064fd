"""A page as a PDF file, printed by the Chromium that is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ..errors import InputError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_SECONDS = 1800.0  # the report of all of Denmark has a thousand pages and takes four minutes
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name leads anywhere: nothing is fetched
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",  # headings as bookmarks; older ones do not know it, and go on
)


def print_pdf(page: Path, pdf: Path, *, most_seconds: float = MOST_SECONDS) -> None:
    """
    Print a page of a run to a PDF file; an older file of that name is replaced once the new one is whole.

    Parameters
    ----------
    page
        An HTML file that needs nothing beside itself.
    pdf
        Where the PDF goes.
    most_seconds
        How long the browser may take.

    Raises
    ------
    InputError
        If there is no such page, no Chromium on this machine, no place to write to, or the browser makes no PDF in
        time.
    """
    if not page.is_file():
        raise InputError("no such page", where=str(page), advice="run the study first, with geoklynge run")
    browser = installed_browser()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="geoklynge-", ignore_cleanup_errors=True) as profile,
            tempfile.TemporaryDirectory(prefix=f".{pdf.name}-", dir=pdf.parent) as beside,
        ):
            made = Path(beside) / pdf.name
            _print(browser, page, made, Path(profile), most_seconds)
            made.replace(pdf)
    except OSError as error:
        raise InputError(f"cannot write: {error.strerror or error}", where=str(pdf)) from None


def installed_browser() -> str:
    """
    Find Chromium, or a browser made from it.

    Raises
    ------
    InputError
        If there is none.
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise InputError(
        "no Chromium on this machine to print with",
        advice="install Chromium or Google Chrome, or open report.html in any browser and print it to PDF there",
    )


def _print(browser: str, page: Path, pdf: Path, profile: Path, most_seconds: float) -> None:
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # Chromium refuses root else
    command = [
        browser,
        *FLAGS,
        *as_root,
        f"--user-data-dir={profile}",
        f"--print-to-pdf={pdf}",
        page.resolve().as_uri(),
    ]
    said = profile / "said.txt"  # no pipe: what the browser starts might hold it open after the browser has ended
    with said.open("wb") as log:
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=most_seconds, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise InputError(
                f"{Path(browser).name} made no PDF within {most_seconds:g} seconds",
                where=str(page),
                advice="open the page in a browser and print it to PDF there",
            ) from None
    if not pdf.is_file() or not pdf.stat().st_size:
        last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise InputError(
            f"{Path(browser).name} made no PDF{''.join(f' ({line})' for line in last)}",
            where=str(page),
            advice="open the page in a browser and print it to PDF there",
        )
