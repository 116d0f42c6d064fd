"""Files put into place: the earlier ones come back, and nothing is ever half or gone."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from geoklynge import placing
from geoklynge.errors import InputError
from geoklynge.placing import move_all, require_folder

NAMES = ("a", "b", "c", "run")
EARLIER = {"a": "old a" * 5000, "b": "old b", "run": "old run", "mine": "by hand"}  # c is new

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from geoklynge.placing import move_all, require_folder

home, steps = Path(sys.argv[1]), int(sys.argv[2])
for k in range(steps):
    if os.fork() == 0:
        left = k
        def counted(call):
            def step(*words, **more):
                global left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return call(*words, **more)
            return step
        for name in ("replace", "link", "unlink", "mkdir", "rename"):
            setattr(os, name, counted(getattr(os, name)))
        folder = home / str(k)
        beside = require_folder(folder)
        for name in ("a", "b", "c", "run"):
            (beside / name).write_text(f"new {name}" * 5000)
        move_all(beside, folder, ("a", "b", "c", "run"))
        os._exit(0)
    os.wait()
"""


def laid_out(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, text in EARLIER.items():
        (folder / name).write_text(text)
    return folder


def held_by(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def made_beside(folder: Path) -> Path:
    beside = require_folder(folder)
    for name in NAMES:
        (beside / name).write_text(f"new {name}")
    return beside


def test_files_are_moved_and_others_left_alone(tmp_path):
    folder = laid_out(tmp_path / "out")
    assert move_all(made_beside(folder), folder, NAMES) == [folder / name for name in NAMES]
    assert held_by(folder) == {**{name: f"new {name}" for name in NAMES}, "mine": "by hand"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_process_that_is_killed_at_any_step_leaves_whole_files(tmp_path):
    steps = 16
    for k in range(steps):
        laid_out(tmp_path / str(k))
    subprocess.run([sys.executable, "-c", KILLED_AT, str(tmp_path), str(steps)], check=True, timeout=60)
    new = {name: f"new {name}" * 5000 for name in NAMES}
    states = []
    for k in range(steps):
        held = held_by(tmp_path / str(k))
        assert held.keys() >= EARLIER.keys()
        assert all(text in {EARLIER.get(name), new.get(name)} for name, text in held.items())
        states.append([held.get(name) == new[name] for name in NAMES])
        assert states[-1] == sorted(states[-1], reverse=True)  # in the order given: the record last
    assert states[0] == [False] * 4
    assert states[-1] == [True] * 4
    assert len({sum(state) for state in states}) == 5  # it was killed before, between and after all of them


@pytest.mark.parametrize("second_names", [True, False])
@pytest.mark.parametrize("at", range(4))
def test_an_exception_brings_back_what_was_there(tmp_path, monkeypatch, at, second_names):
    folder = laid_out(tmp_path / "out")
    beside, moves, move = made_beside(folder), [], Path.replace

    def interrupted(path, target):
        moves.append(path)
        if len(moves) == at + 1:
            raise KeyboardInterrupt
        return move(path, target)

    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(Path, "replace", interrupted)
    if not second_names:
        monkeypatch.setattr(os, "link", refused)
    with pytest.raises(KeyboardInterrupt):
        move_all(beside, folder, NAMES)
    assert held_by(folder) == EARLIER


def test_another_disk_behind_a_folder_costs_nothing(tmp_path, monkeypatch):
    folder, move = laid_out(tmp_path / "out"), Path.replace

    def by_disk(path, target):
        if path.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return move(path, target)

    beside = made_beside(folder)
    monkeypatch.setattr(Path, "replace", by_disk)
    move_all(beside, folder, NAMES)
    assert held_by(folder) == {**{name: f"new {name}" for name in NAMES}, "mine": "by hand"}


def test_beside_is_on_the_disk_of_the_folder(tmp_path, monkeypatch):
    real = laid_out(tmp_path / "disk" / "real")
    (tmp_path / "link").symlink_to(real)
    assert require_folder(tmp_path / "link").parent == tmp_path / "disk"
    monkeypatch.chdir(real)
    assert require_folder(Path()).parent == tmp_path / "disk"
    monkeypatch.setattr(placing, "_is_own_disk", lambda folder: folder == real)
    beside = require_folder(tmp_path / "link")
    assert beside.parent == real
    assert beside.name.startswith(".")
    assert require_folder(tmp_path / "new" / "one").parent == tmp_path / "new"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no disk that is there everywhere")
def test_a_folder_on_a_disk_of_its_own_is_known():
    assert placing._is_own_disk(Path("/proc"))


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="a file stands there"):
        require_folder(tmp_path / "out")


def test_a_link_in_the_folder_is_replaced_and_not_written_through(tmp_path, monkeypatch):
    folder = laid_out(tmp_path / "out")
    (tmp_path / "elsewhere").write_text("theirs")
    (folder / "b").unlink()
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    beside = made_beside(folder)
    (beside / "run").unlink()  # so that it fails at the last
    with pytest.raises(FileNotFoundError):
        move_all(beside, folder, NAMES)
    assert (folder / "b").readlink() == tmp_path / "elsewhere"
    (beside / "b").write_text("new b")
    move_all(beside, folder, ("b",))
    assert not (folder / "b").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "theirs"
