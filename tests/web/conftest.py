import pytest

from browser.showcase import Showcase, serving
from operator_site import OperatorSite
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


@pytest.fixture
def control(database):
    """A site whose operator is signed in."""
    control = OperatorSite(database)
    with serving(control.app()) as url:
        control.visitor = Visitor(url)
        control.sign_in()
        yield control
