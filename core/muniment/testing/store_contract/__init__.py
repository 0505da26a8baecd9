"""What every store promises, as tests: a second store passes them before it keeps an archive.

Give a fixture ``store_maker`` and import the tests into a test module::

    from muniment.testing.store_contract import *  # noqa: F403  pytest finds tests by name

    @pytest.fixture
    def store_maker(tmp_path):
        return MyMaker(tmp_path)  # a ``StoreMaker``
"""

from __future__ import annotations

from muniment.testing.store_contract._current import *  # noqa: F403  pytest finds tests by name
from muniment.testing.store_contract._found import *  # noqa: F403  pytest finds tests by name
from muniment.testing.store_contract._log import *  # noqa: F403  pytest finds tests by name
from muniment.testing.store_contract._makers import StoreMaker, other, store
from muniment.testing.store_contract._records import *  # noqa: F403  pytest finds tests by name
from muniment.testing.store_contract._writing import *  # noqa: F403  pytest finds tests by name

__all__ = ["StoreMaker", "other", "store", *(name for name in dir() if name.startswith("test_"))]
