# SPDX-License-Identifier: Apache-2.0
"""The searches that most tests look at, made once."""
import pytest
from searches import VARIANTS, Search


@pytest.fixture(scope="session", params=VARIANTS)
def search(request, tmp_path_factory):
    kind = request.param.split(",")[0]
    return Search(tmp_path_factory.mktemp(kind), kind, VARIANTS[request.param])
