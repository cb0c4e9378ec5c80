import subprocess
import sys

import pytest

from lumo_graph import testing


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(testing, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = testing.nothing


def test_the_listing_is_the_public_names():
    assert dir(testing) == testing.__all__


def test_importing_the_package_loads_no_langchain():
    code = "import sys, lumo_graph.testing; sys.exit('langchain_core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
