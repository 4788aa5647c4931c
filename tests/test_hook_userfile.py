"""A user's file is changed as a whole or not at all, and only from the text that was looked at."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from conftest import PYTHON, Home
from tooltrail.userfile import Edit, UserFileError, apply, backups, read


def test_text_comes_and_goes_as_it_is(tmp_path: Path) -> None:
    """Byte order mark, line ends, and bytes that are not UTF-8."""
    path = tmp_path / "rc"
    content = b"\xef\xbb\xbfa\r\nb\rc\n\xff\xfe\x00"
    path.write_bytes(content)
    text = read(str(path))
    assert text is not None
    apply(Edit(str(path), text, text + "more"))
    assert path.read_bytes() == content + b"more"


def test_a_change_by_somebody_else_is_noticed(tmp_path: Path) -> None:
    """The edit was made from another text: nothing is written."""
    path = tmp_path / "rc"
    path.write_text("theirs")
    for before in ("mine", None):
        with pytest.raises(UserFileError, match="changed meanwhile"):
            apply(Edit(str(path), before, "after"))
    with pytest.raises(UserFileError, match="changed meanwhile"):
        apply(Edit(str(tmp_path / "gone"), "mine", "after"))
    assert [each.read_text() for each in tmp_path.iterdir() if each.is_file()] == ["theirs"]


def test_a_new_file_is_made_with_its_folders_and_taken_away_again(tmp_path: Path) -> None:
    """None is a file that is not there."""
    path = tmp_path / "a" / "b" / "rc"
    assert apply(Edit(str(path), None, "text\n")) is None
    assert path.read_text() == "text\n"
    backup = apply(Edit(str(path), "text\n", None))
    assert backup is not None
    assert not path.exists()
    assert Path(backup).read_text() == "text\n"


def test_mode_owner_and_attributes_stay(tmp_path: Path) -> None:
    """Of the file and of its backup; root does not take a user's file over."""
    path = tmp_path / "rc"
    path.write_text("before")
    path.chmod(0o640)
    owner = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    backup = apply(Edit(str(path), "before", "after"))
    for each in (path, Path(backup or "")):
        status = each.stat()
        assert (status.st_uid, status.st_gid) == owner
        assert stat.S_IMODE(status.st_mode) == 0o640


def test_backups_are_given_newest_first(tmp_path: Path) -> None:
    """Several in one second too."""
    path = tmp_path / "rc"
    path.write_text("0")
    for number in range(12):
        apply(Edit(str(path), str(number), str(number + 1)))
    assert list(backups(str(path))) == [str(number) for number in range(11, -1, -1)]


def test_an_edit_shows_its_change(tmp_path: Path) -> None:
    """A unified diff; a line end that is added or lost is seen too."""
    edit = Edit("/x/rc", "a\nb\n", "a\nc")
    assert edit.diff()[3:] == [" a", "-b", "+c", "+\\ No newline at end of file"]
    assert Edit("/x/rc", None, "a\n").diff()[:2] == ["--- /dev/null", "+++ /x/rc"]
    assert not Edit("/x/rc", "a", "a").changed
    assert Edit(str(tmp_path / "rc"), None, None).diff() == []


def test_a_full_disk_leaves_the_file_as_it_was(home: Home, tmp_path: Path) -> None:
    """No half of a file, no backup of nothing: the limit of a file's size stands in for a disk."""
    path = tmp_path / "rc"
    path.write_text("before")
    code = (
        "import resource, signal, sys\n"
        "from tooltrail.userfile import Edit, UserFileError, apply\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: apply(Edit(sys.argv[1], 'before', 'x' * 5000))\n"
        "except UserFileError as error: print(error)\n"
    )
    said = home.run(PYTHON, "-c", code, str(path)).stdout
    assert "not changed" in said
    assert [each.read_text() for each in tmp_path.iterdir() if each.is_file()] == ["before"]


def test_many_at_once_lose_nothing(home: Home, tmp_path: Path) -> None:
    """Each change is made from the text before it, or refused."""
    path = tmp_path / "rc"
    path.write_text("")
    code = (
        "import sys\n"
        "from tooltrail.userfile import Edit, UserFileError, apply, read\n"
        "text = read(sys.argv[1])\n"
        "try: apply(Edit(sys.argv[1], text, text + sys.argv[2] + '\\n'))\n"
        "except UserFileError: sys.exit(3)\n"
    )
    running = [subprocess.Popen([PYTHON, "-c", code, path, str(number)]) for number in range(8)]
    done = [process.wait(timeout=60) for process in running]
    assert set(done) <= {0, 3}
    assert len(path.read_text().splitlines()) >= 1
    assert not list(tmp_path.glob("rc.tooltrail-[0-9]*"))
