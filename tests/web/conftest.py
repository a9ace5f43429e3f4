import pytest

from browser.showcase import Showcase, serving
from web.visitors import Operations, Visitor, app_of


@pytest.fixture
def publication():
    return Showcase()


@pytest.fixture
def operations():
    return Operations()


@pytest.fixture
def app(publication, operations):
    return app_of(publication, operations)


@pytest.fixture
def visitor(app):
    with serving(app) as url:
        yield Visitor(url)
