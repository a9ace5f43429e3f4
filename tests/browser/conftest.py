import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from browser.busy import a_busy_status
from browser.showcase import SITE, Showcase, serving, tokens_of
from tidings.operator.status import status_page
from tidings.publishing import views
from tidings.web.routes import create_app
from tidings.web.services import Probes

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def browser():
    """No longer than a module: while it runs, this thread has an event loop that is running."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium: install the package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def english():
    with serving(app_in("en")) as url:
        yield url


@pytest.fixture(scope="session")
def chinese():
    with serving(app_in("zh")) as url:
        yield url


def app_in(language, readers=None, showcase=Showcase):
    site = replace(SITE, language=language)
    publication = showcase(site)
    status = status_page(replace(site, has_status=True), a_busy_status())
    return create_app(
        publication,
        site,
        templates=publication.templates,
        tokens=tokens_of(readers),
        probes=Probes(
            health=list,
            metrics=bytes,
            figures=bytes,
            status=lambda: views.render(status, publication.templates),
        ),
    )


@dataclass
class Window:
    """A window of a browser that remembers what it asked for and complained about."""

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def visit(self, path):
        self.page.goto(self.origin + path)

    def follow(self, link):
        """Click on a link, and wait until the page that it leads to is there."""
        with self.page.expect_navigation():
            link.click()

    def screenshot(self, folder: Path, name):
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.fixture
def window(browser, english):
    """Return a function that opens windows; strangers are answered with nothing."""
    contexts = []

    def open_window(width=1280, scheme="light", origin=english):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        context.route(lambda url: not url.startswith(origin), lambda route: route.abort())
        return Window(page=context.new_page(), origin=origin)

    yield open_window
    for context in contexts:
        context.close()
