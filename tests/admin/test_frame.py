"""Where a browser may be sent after a login: to a page of the portal, and nowhere else."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.frame import is_path

HERE = "https://login.example.nl"
pieces = st.lists(
    st.sampled_from(["/admin", "/", "//", "..", ".", "\\", "?", "#", "@", "%2f", "a", ":", "\n"]),
    max_size=8,
).map("".join)


@given(st.one_of(pieces, pieces.map(lambda end: f"/admin/{end}"), st.text(max_size=30)))
def test_what_is_a_path_stays_on_this_server_below_the_portal(text):
    if is_path(text):
        target = urlsplit(urljoin(HERE, text))

        assert f"{target.scheme}://{target.netloc}" == HERE
        assert target.path.startswith("/admin/")


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/people/abc-_", "/admin/people?s=Ab1", "/admin/people/a/record"]
)
def test_pages_are_paths(path):
    assert is_path(path)
