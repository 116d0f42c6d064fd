"""A real browser for the tests of pages: opened from disk, every other request refused and counted."""

import shutil
import time

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), ""
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, page):
        self.page = page
        self.trouble, self.asked = [], []
        page.on("console", lambda said: self.trouble.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.route("**/*", self._decide)

    @staticmethod
    def _decide(route):
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            route.abort()

    def assert_calm(self):
        """Fail where the page complained or asked for anything beyond its own file."""
        assert self.trouble == []
        assert [url for url in self.asked if not url.startswith(("file:", "data:"))] == []


def until(page, script, *, seconds=5.0):
    """Wait until a script says yes; Playwright's own way evaluates text, which the page's policy forbids."""
    ends = time.monotonic() + seconds
    while not page.evaluate(script):
        assert time.monotonic() < ends, script
        page.wait_for_timeout(30)


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine: install the package 'chromium' to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path):
    contexts = []

    def open_page(text, *, size=(1400, 900), anchor="", **options):
        file = tmp_path / "map.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto(file.as_uri() + anchor)
        return watched

    yield open_page
    for context in contexts:
        context.close()
