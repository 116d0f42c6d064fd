"""
How fast a map's page opens, and how smoothly it moves.

``python -m benchmarks.page_speed MAP.html [MAP.html ...]``; needs the extra `dev` and a Chromium.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

REPETITIONS = 5
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
LONG_FRAME_MS = 50.0
PANS = 12  # strokes of the mouse
STEPS = 24  # moves a stroke

WATCH = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const look = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure_page(path: Path) -> dict[str, Any]:
    """Open a page several times; pan it once from side to side with the mouse, and time every frame meanwhile."""
    from playwright.sync_api import sync_playwright

    painted, loaded = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(REPETITIONS):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(path.resolve().as_uri())
            page.wait_for_timeout(500)  # what was painted is told a moment later
            painted.append(page.evaluate(PAINTED))
            loaded.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd"))
            page.close()
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(path.resolve().as_uri())
        page.wait_for_timeout(1000)
        page.evaluate(WATCH)
        for stroke in range(PANS):
            way = 1 if stroke % 2 else -1
            page.mouse.move(900, 450)
            page.mouse.down()
            for step in range(STEPS):
                page.mouse.move(900 + way * 12 * step, 450 + way * 5 * step)
                page.wait_for_timeout(16)
            page.mouse.up()
            page.wait_for_timeout(100)
        frames = page.evaluate("() => window.frames_ms")
        browser.close()
    return {
        "page": str(path),
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "first_paint_ms": round(statistics.median(painted)),
        "loaded_ms": round(statistics.median(loaded)),
        "frames": len(frames),
        "frames_below_50_ms": round(sum(each < LONG_FRAME_MS for each in frames) / len(frames), 4),
        "frame_95_ms": round(statistics.quantiles(frames, n=20)[-1], 1),
    }


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(measure_page(Path(name))))
