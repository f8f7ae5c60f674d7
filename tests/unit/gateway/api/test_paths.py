"""A name in a path is one name, whatever it holds: an encoded slash parts nothing."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.paths import WholeNames, decoded, routed


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_name_that_is_encoded_is_one_part_and_comes_back_as_it_was(name: str) -> None:
    path = routed(f"/users/{quote(name, safe='')}/pigp")
    before, part, after = path.split("/")[1:]
    assert (before, after) == ("users", "pigp")
    assert decoded.func(part) == name  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/users/a%2Fb", "/users/a%2Fb"),
        ("/users/a%2fb", "/users/a%2fb"),
        ("/users/%252F", "/users/%252F"),
        ("/users/a%20b", "/users/a b"),
        ("/users/a/b", "/users/a/b"),
        ("/users/%C3%A9", "/users/é"),
    ],
)
def test_a_path_is_cut_before_it_is_decoded(raw: str, path: str) -> None:
    assert routed(raw) == path


@pytest.mark.parametrize(
    ("raw", "path"), [("/users/a%2Fb", "/users/a%2Fb"), ("/users/a%20b", "as the server decoded it")]
)
async def test_the_application_gets_it_so(raw: str, path: str) -> None:
    seen: list[str] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        seen.append(scope["path"])

    scope = {"type": "http", "raw_path": raw.encode(), "path": "as the server decoded it"}
    await WholeNames(app)(scope, None, None)  # type: ignore[arg-type]
    assert seen == [path]
