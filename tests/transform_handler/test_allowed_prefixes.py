"""A pointer must not make the handler read outside the allowed prefixes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.local_store import uri_of_path
from transform_handler.allowed import VARIABLE, AllowedPrefixes, encode_prefix
from transform_handler.records import ErrorKind, RecordingError


def allows(prefixes: AllowedPrefixes, uri: str) -> bool:
    refusal = None
    try:
        prefixes.check(uri)
    except RecordingError as error:
        refusal = error
    if refusal is None:
        return True
    assert refusal.kind in (ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND)
    assert not uri or uri not in refusal.message
    return False


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name in ("open/in/a b.wav", "open-not/x.wav", "secret/x.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF")
    (tmp_path / "open/link.wav").symlink_to(tmp_path / "secret/x.wav")
    (tmp_path / "open/door").symlink_to(tmp_path / "secret")
    (tmp_path / "open/inner.wav").symlink_to("in/a b.wav")
    (tmp_path / "open/loop").symlink_to("loop")
    (tmp_path / "secret/back").symlink_to(tmp_path / "open/in")
    return tmp_path


def only(house: Path) -> AllowedPrefixes:
    return AllowedPrefixes(prefixes=(uri_of_path(house / "open") + "/",))


@pytest.mark.parametrize("name", ["in/a b.wav", "inner.wav", "not-there.wav"])
def test_files_below_the_prefix_are_allowed(house: Path, name: str) -> None:
    assert allows(only(house), uri_of_path(house / "open" / name))


@pytest.mark.parametrize(
    "name",
    [
        "open-not/x.wav",
        "open",
        "secret/x.wav",
        "open/link.wav",
        "open/door/x.wav",
        "open/../secret/x.wav",
        "open/in/../../secret/x.wav",
        "open/../open/in/a b.wav",
        "secret/back/../x.wav",
        "open/nul\0l",
    ],
)
def test_files_elsewhere_are_forbidden_by_whatever_way(house: Path, name: str) -> None:
    assert not allows(only(house), uri_of_path(house / name))
    assert not allows(only(house), f"{uri_of_path(house)}/{name}")


def test_a_link_that_leads_back_to_itself_is_nothing_to_read(house: Path) -> None:
    with pytest.raises(RecordingError, match="leads back to itself") as caught:
        only(house).check(uri_of_path(house / "open/loop"))
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_a_link_that_leads_out_is_said_to_be_one(house: Path) -> None:
    with pytest.raises(RecordingError, match="is a link to a place outside"):
        only(house).check(uri_of_path(house / "open/link.wav"))
    with pytest.raises(RecordingError, match="lies outside"):
        only(house).check(uri_of_path(house / "secret/x.wav"))


@pytest.mark.parametrize("dots", ["%2e%2e", "%2E.", "..%2f..%2f..%2f..%2f.."])
def test_two_dots_in_disguise_are_forbidden(house: Path, dots: str) -> None:
    assert not allows(only(house), f"{uri_of_path(house / 'open')}/{dots}/secret/x.wav")


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "etc/passwd",
        "",
        "FILE:///etc/passwd",
        "file://host/open/x.wav",
        "file:/etc/passwd",
        "http://169.254.169.254/latest",
        "S3://bucket/in/x.wav",
        "s3:/bucket/in/x.wav",
        "s3://bucket-not/in/x.wav",
        "s3://bucket/in-not/x.wav",
        "s3://bucket/in",
        " s3://bucket/in/x.wav",
    ],
)
def test_other_places_and_spellings_are_forbidden(uri: str) -> None:
    assert not allows(AllowedPrefixes(prefixes=("s3://bucket/in/", "file:///open/")), uri)


def test_s3_keys_are_opaque() -> None:
    prefixes = AllowedPrefixes(prefixes=("s3://bucket/in/",))
    assert allows(prefixes, "s3://bucket/in/a/../b ü.wav")


@pytest.mark.parametrize("value", [None, "", ",", " , "])
def test_without_the_variable_nothing_is_allowed(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    prefixes = AllowedPrefixes.from_environment()
    assert not allows(prefixes, "s3://bucket/x.wav")
    assert not allows(prefixes, "file:///x.wav")


def test_prefixes_are_separated_by_commas_with_or_without_slash_and_space(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "s3://one/a, s3://two/,file:///three")
    prefixes = AllowedPrefixes.from_environment()
    for uri in ("s3://one/a/x", "s3://two/x", "file:///three/x"):
        assert allows(prefixes, uri)
    for uri in ("s3://one/ab", "s3://twofold/x", "file:///threefold"):
        assert not allows(prefixes, uri)


keys = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.text(
    "%,2C5 /"
)


@given(st.lists(keys.map("s3://bucket/{}/".format) | keys.map("s3://bucket/a{}".format)))
def test_s3_prefixes_of_any_characters_come_through_the_variable(prefixes: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, ",".join(map(encode_prefix, prefixes)))
        read = AllowedPrefixes.from_environment().prefixes
    assert read == tuple(p if p.endswith("/") else p + "/" for p in prefixes)


def test_the_prefix_of_a_folder_is_encoded_already(house: Path) -> None:
    folder = house / "50%2C, so"
    folder.mkdir()
    uri = uri_of_path(folder) + "/"
    assert encode_prefix(uri) == uri
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, encode_prefix(uri))
        prefixes = AllowedPrefixes.from_environment()
    assert allows(prefixes, uri_of_path(folder / "x.wav"))


def test_an_ordinary_prefix_is_written_as_it_is() -> None:
    assert encode_prefix("s3://bucket/2026/ü/") == "s3://bucket/2026/ü/"
    assert encode_prefix("s3://bucket/a,b 50%/") == "s3://bucket/a%2Cb%2050%25/"


def test_a_prefix_that_is_no_place_allows_nothing(house: Path) -> None:
    loop = uri_of_path(house / "open/loop") + "/"
    for prefix in (loop, "/", "file://host/", "/etc/", "FILE:///etc/"):
        prefixes = AllowedPrefixes(prefixes=(prefix,))
        for uri in (loop + "x", "/etc/passwd", "file:///nul%00l", "FILE:///etc/../etc/passwd"):
            assert not allows(prefixes, uri)
