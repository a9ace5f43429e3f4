"""Pictures of pages for the documentation: of the demo, in a real browser. `make screenshots` runs it."""

import base64
import os
import shutil
import struct
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from playwright.sync_api import Browser, sync_playwright

PORT = 8423
HEIGHTS = {375: 812, 1440: 900}

# Name, address, language of the pages, light, width. Few: they stay in the repository for good.
PICTURES = (
    ("latest", "/", "en", "light", 1440),
    ("latest", "/", "en", "dark", 375),
    ("latest", "/", "zh", "light", 375),
    ("titles", "/", "en", "light", 1440),
    ("entry", "attention", "zh", "light", 375),
    ("entry", "attention", "en", "dark", 1440),
    ("source", "/sources/write-ahead", "en", "light", 1440),
    ("sources", "/sources?order=failing", "en", "light", 1440),
    ("subscribe", "/subscribe?lang=zh", "zh", "light", 375),
    ("status", "/status", "en", "light", 1440),
)

# The most frequent colours of a picture, none of them like another, so that small marks keep theirs;
# and for each pixel the nearest of them.
FEWER_COLOURS = """
async (png) => {
  const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const {data} = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
  const pixels = new Uint32Array(data.buffer);
  const counts = new Map();
  for (const one of pixels) counts.set(one, (counts.get(one) ?? 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const palette = [];
  const nearest = new Map();
  for (const [colour] of [...counts].sort((a, b) => b[1] - a[1])) {
    const [r, g, b] = parts(colour);
    const away = palette.map(([x, y, z]) => (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2);
    const least = Math.min(...away);
    const isOther = least > 150 && palette.length < 128;
    nearest.set(colour, isOther ? palette.push([r, g, b]) - 1 : away.indexOf(least));
  }
  const text = [];
  for (const one of pixels) text.push(String.fromCharCode(nearest.get(one)));
  return [palette.flat(), btoa(text.join(""))];
}
"""

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--force-color-profile=srgb")


def main(folder: Path) -> None:
    for old in folder.glob("*-*-*-*.png"):
        if old.name.partition("-")[0] in {name for name, *_ in PICTURES}:
            old.unlink()
    with TemporaryDirectory(prefix="tidings-pictures-") as demo, sync_playwright() as playwright:
        subprocess.run([*tidings(), "demo", "--once"], cwd=demo, check=True, capture_output=True)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        for language in ("en", "zh"):
            with served(Path(demo), language):
                for picture in PICTURES:
                    if picture[2] == language:
                        take(browser, folder, *picture)
        browser.close()


def take(browser: Browser, folder: Path, name: str, path: str, *look: object) -> None:
    language, scheme, width = look
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]}, color_scheme=scheme, timezone_id="UTC"
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{PORT}{path if path.startswith('/') else '/?q=softmax'}")
    if not path.startswith("/"):
        page.locator("article h2 a").first.click()
    if name == "titles":
        page.locator("#compact").check()
    page.evaluate("document.fonts.ready")
    taken = base64.b64encode(page.screenshot()).decode()
    # A page of its own: the policy of ours would not let pictures be read.
    palette, pixels = context.new_page().evaluate(FEWER_COLOURS, taken)
    picture = indexed_png(bytes(palette), base64.b64decode(pixels), width=width)
    (folder / f"{name}-{language}-{scheme}-{width}.png").write_bytes(picture)
    context.close()


def indexed_png(palette: bytes, pixels: bytes, *, width: int) -> bytes:
    """Return a PNG whose pixels are places in a palette: a third of what a browser writes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    height = len(pixels) // width
    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = {b"IHDR": head, b"PLTE": palette, b"IDAT": zlib.compress(rows, 9), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks.items())


@contextmanager
def served(demo: Path, language: str) -> Iterator[None]:
    """Serve the demo's pages in a language."""
    settings = {
        "TIDINGS_DATABASE__URL": "sqlite:///var/demo/tidings.db",
        "TIDINGS_PUBLISH__LANGUAGE": language,
        "TIDINGS_WEB__PORT": str(PORT),
        "TIDINGS_WEB__BASE_URL": f"http://127.0.0.1:{PORT}",
    }
    service = subprocess.Popen(
        [*tidings(), "web"], cwd=demo, env=os.environ | settings, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{PORT}/health/ready")
        yield
    finally:
        service.terminate()
        service.wait()


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(url)


def tidings() -> list[str]:
    return [sys.executable, "-m", "tidings"]


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
