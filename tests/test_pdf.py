"""The report as PDF: printed where there is a Chromium, plainly refused where there is none."""

import os
import shutil
import stat

import pytest
from typer.testing import CliRunner

from geoklynge.cli import app
from geoklynge.errors import InputError
from geoklynge.maps import print_pdf, render_report
from geoklynge.maps.pdf import BROWSERS


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "report.html"
    file.write_text("<!doctype html><title>T</title><p>Mols", encoding="utf-8")
    return file


@pytest.fixture
def only_browser(tmp_path, monkeypatch):
    """Put one program in the place of Chromium, and nothing else."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "chromium"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin")
        monkeypatch.setattr("geoklynge.maps.pdf.BROWSERS", ("chromium",))

    return install


WRITES = 'for each; do case "$each" in --print-to-pdf=*) echo "$@" > "${each#--print-to-pdf=}";; esac; done'


@pytest.mark.browser
def test_a_report_is_printed(sample_run, tmp_path):
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip("no Chromium on this machine: install the package 'chromium' to print PDF")
    (tmp_path / "report.html").write_text(render_report(sample_run), encoding="utf-8")
    said = CliRunner().invoke(app, ["pdf", str(tmp_path)])
    assert said.exit_code == 0, said.output
    made = (tmp_path / "report.pdf").read_bytes()
    assert made.startswith(b"%PDF-")
    pages = made.count(b"/Type /Page\n") + made.count(b"/Type /Page ") + made.count(b"/Type /Page/")
    assert pages >= len(sample_run.result.clusters) + 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]


def test_the_browser_is_asked_to_print_without_network(page, only_browser):
    only_browser(WRITES)
    pdf = page.with_name("report.pdf")
    pdf.write_text("old", encoding="utf-8")
    print_pdf(page, pdf)
    asked = pdf.read_text(encoding="utf-8")
    for flag in ("--headless", "--no-pdf-header-footer", "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir="):
        assert flag in asked
    assert ("--no-sandbox" in asked) == (os.geteuid() == 0)
    assert asked.rstrip().endswith(page.as_uri())
    assert {path.name for path in page.parent.iterdir()} == {"report.html", "report.pdf", "bin"}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'no display' >&2; exit 1", r"chromium made no PDF \(no display\)"),
        ("sleep 30", "chromium made no PDF within 0.2 seconds"),
    ],
    ids=["fails", "hangs"],
)
def test_a_browser_that_fails_leaves_the_old_file(page, only_browser, script, says):
    only_browser(script)
    pdf = page.with_name("report.pdf")
    pdf.write_text("old", encoding="utf-8")
    with pytest.raises(InputError, match=says):
        print_pdf(page, pdf, most_seconds=0.2 if "sleep" in script else 30)
    assert pdf.read_text(encoding="utf-8") == "old"


def test_without_chromium_the_advice_is_plain(page, monkeypatch):
    monkeypatch.setattr("geoklynge.maps.pdf.shutil.which", lambda _: None)
    said = CliRunner().invoke(app, ["pdf", str(page.parent)])
    assert said.exit_code == 2
    assert "no Chromium on this machine to print with: install Chromium or Google Chrome" in said.output
    assert not page.with_name("report.pdf").exists()


def test_a_folder_without_a_report_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"report.html: no such page: run the study first"):
        print_pdf(tmp_path / "report.html", tmp_path / "report.pdf")


def test_a_place_that_cannot_be_written_to_is_named(page, only_browser):
    only_browser(WRITES)
    with pytest.raises(InputError, match=r"nowhere/report\.pdf: cannot write"):
        print_pdf(page, page.parent / "nowhere" / "report.pdf")
