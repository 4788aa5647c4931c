"""Checkpoints: what is signed, who else can read it, and what a log held to one comes to."""

import base64
import hashlib
import json
import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import metamorphic_log
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PYTHON, Home
from tooltrail.errors import UsageError
from tooltrail.settings.kinds import Retention
from tooltrail.trail import append
from tooltrail.trail.segments import lines_of, sealed_segments, snapshot
from tooltrail.trust.checkpoint import (
    HOLDS,
    OTHER_LOG,
    REWRITTEN,
    TRUNCATED,
    UNCHECKED,
    Checkpoint,
    LogNotWholeError,
    checkpoint_of,
    hold_file,
    hold_to,
    open_checkpoint,
)
from tooltrail.trust.merkle import CompactRange
from tooltrail.trust.notes import NoteError, Signer, Verifier, open_note, split_note
from tooltrail.trust.retain import compress, prune

# From the tests of Certificate Transparency: eight entries, and the root after each of them.
CT_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

# From the documentation of golang.org/x/mod/sumdb/note. Ed25519 has no randomness in it: who
# signs this text with this key gets these bytes.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)

# From the C2SP specifications signed-note and tlog-checkpoint.
C2SP_PUBLIC = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONn"
    "cAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
C2SP_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)

KEY = Signer.generate("build-7.example.com/audit")
BODY = '{"event":"later","text":"%s"}' % ("x" * 300)


# -- the tree, and the same by the letter of RFC 6962, section 2.1


def textbook_root(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    k = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + textbook_root(entries[:k]) + textbook_root(entries[k:])).digest()


def textbook_path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(entries) == 1:
        return []
    k = 1 << (len(entries) - 1).bit_length() - 1
    if m < k:
        return [*textbook_path(m, entries[:k]), textbook_root(entries[k:])]
    return [*textbook_path(m - k, entries[k:]), textbook_root(entries[:k])]


def tree_of(entries: Sequence[bytes]) -> CompactRange:
    """Grow a tree."""
    tree = CompactRange()
    for entry in entries:
        tree.append(entry)
    return tree


def test_the_roots_are_those_of_certificate_transparency() -> None:
    """The known entries have the known root after each of them."""
    tree = CompactRange()
    assert tree.root() == hashlib.sha256(b"").digest()
    for entry, root in zip(CT_ENTRIES, CT_ROOTS, strict=True):
        tree.append(entry)
        assert tree.root().hex() == root


@given(st.lists(st.binary(max_size=40), max_size=40), st.data())
def test_a_tree_that_is_taken_up_again_is_the_same(
    entries: list[bytes], data: st.DataObject
) -> None:
    """A compact range in the middle is all that is needed to go on."""
    cut = data.draw(st.integers(0, len(entries)))
    begun = tree_of(entries[:cut])
    resumed = CompactRange.from_peaks(begun.size, begun.peaks)
    for entry in entries[cut:]:
        resumed.append(entry)
    assert resumed.root() == tree_of(entries).root() == textbook_root(entries)
    assert resumed.peaks == tree_of(entries).peaks


@pytest.mark.parametrize(
    ("size", "peaks"),
    [(1, []), (2, ["00" * 32, "00" * 32]), (3, ["00" * 32, "00" * 31]), (0, ["00" * 32])],
)
def test_peaks_that_cannot_be_are_refused(size: int, peaks: list[str]) -> None:
    """The size says how many there are, and each is a hash."""
    with pytest.raises(ValueError, match="not held by"):
        CompactRange.from_peaks(size, peaks)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 21])
def test_somebody_elses_verifier_finds_every_entry_under_our_root(size: int) -> None:
    """An implementation in Rust, which is not ours, checks RFC 6962 inclusion proofs."""
    entries = [bytes([number]) * 32 for number in range(size)]
    root = tree_of(entries).root()
    for number, entry in enumerate(entries):
        leaf = hashlib.sha256(b"\0" + entry).digest()
        metamorphic_log.verify_inclusion(number, size, leaf, textbook_path(number, entries), root)
        with pytest.raises(metamorphic_log.VerifyError):
            metamorphic_log.verify_inclusion(
                number, size, leaf[::-1], textbook_path(number, entries), root
            )


# -- signed notes


def test_we_sign_what_go_signs() -> None:
    """The reference implementation's key and text give the reference implementation's note."""
    signer = Signer.parse(GO_PRIVATE)
    assert str(signer.verifier) == GO_PUBLIC
    assert signer.private_text() == GO_PRIVATE
    note = signer.sign(GO_TEXT)
    assert note == f"{GO_TEXT}\n{GO_SIGNATURE}"
    assert open_note(note.encode(), [Verifier.parse(GO_PUBLIC)]) == GO_TEXT


def test_we_open_the_note_of_the_specification() -> None:
    """The example of C2SP signed-note verifies; the example of tlog-checkpoint parses."""
    assert open_note(C2SP_NOTE.encode(), [Verifier.parse(C2SP_PUBLIC)]) == (
        "This is an example message.\n"
    )
    checkpoint = Checkpoint.parse(C2SP_CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == C2SP_CHECKPOINT
    assert checkpoint.log_id == ""


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80))
def test_somebody_elses_verifier_takes_our_notes(line: str) -> None:
    """The framing and the signature are what an implementation that is not ours expects."""
    note = KEY.sign(f"{line}\n")
    assert metamorphic_log.verify_signed_note(note, [str(KEY.verifier)]) == 1
    assert open_note(note.encode(), [KEY.verifier]) == f"{line}\n"


def test_signatures_of_others_are_passed_over() -> None:
    """A note may bear many: one of a key that we trust is enough, wherever it stands."""
    note = KEY.sign("text\n")
    others = [Signer.generate(f"other-{number}") for number in range(20)]
    more = [other.sign("text\n").partition("\n\n")[2] for other in others]
    ours = note.partition("\n\n")[2]
    whole = "text\n\n" + "".join([*more[:10], ours, *more[10:]])
    assert open_note(whole.encode(), [KEY.verifier]) == "text\n"
    assert len(split_note(whole.encode())[1]) == 21
    with pytest.raises(NoteError, match="none of the keys"):
        open_note(("text\n\n" + "".join(more)).encode(), [KEY.verifier])


def test_a_key_of_the_same_name_is_another_key() -> None:
    """Name and key id together say which key it is."""
    namesake = Signer.generate(KEY.verifier.name)
    with pytest.raises(NoteError, match="none of the keys"):
        open_note(namesake.sign("text\n").encode(), [KEY.verifier])


def test_a_changed_note_is_refused() -> None:
    """Each byte of the text is under the signature."""
    note = KEY.sign("one\ntwo\n").encode()
    for at in range(len(b"one\ntwo\n")):
        changed = note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :]
        with pytest.raises(NoteError):
            open_note(changed, [KEY.verifier])


GOOD = KEY.sign("text\n")
SIGNATURE = GOOD.partition("\n\n")[2]
ENCODED = SIGNATURE.rpartition(" ")[2][:-1]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        f"text\n{SIGNATURE}",
        GOOD.removesuffix("\n"),
        GOOD + "\n",
        GOOD.replace("—", "-"),
        GOOD.replace("— ", "—"),
        GOOD.replace("text", "te\tt"),
        GOOD.replace("text", "te\rt"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(ENCODED, ENCODED + "="),
        GOOD.replace(ENCODED, ENCODED.rstrip("=")),
        GOOD.replace(ENCODED, ENCODED[:20] + " " + ENCODED[20:]),
        GOOD.replace(ENCODED, "AAAA"),
        GOOD.replace("build-7", "build 7"),
        GOOD.replace("build-7", "build+7"),
        GOOD.replace("build-7.example.com/audit", ""),
        GOOD + SIGNATURE * 100,
    ],
)
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    """The framing is strict: nothing can be read in two ways."""
    with pytest.raises(NoteError):
        open_note(note.encode(), [KEY.verifier])


def test_a_note_is_utf_8() -> None:
    """Other bytes are refused."""
    with pytest.raises(NoteError, match="UTF-8"):
        open_note(b"\xff" + GOOD.encode(), [KEY.verifier])


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        f"origin\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"origin\n01\n{ROOT}\n",
        f"origin\n-1\n{ROOT}\n",
        f"origin\n+1\n{ROOT}\n",
        f"origin\n 1\n{ROOT}\n",
        f"origin\n1.0\n{ROOT}\n",
        f"origin\n\u0661\n{ROOT}\n",
        f"origin\n{'9' * 40}\n{ROOT}\n",
        f"origin\n1\n{ROOT[:-1]}\n",
        f"origin\n1\n{ROOT[:-2]}B=\n",
        "origin\n1\nAAAA\n",
        f"origin\n1\n{ROOT}\n\nmore\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Size and root are written in the one right way."""
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_extension_lines_are_kept() -> None:
    """What others add to a checkpoint is theirs, and signed too."""
    text = f"origin\n0\n{ROOT}\nmore\nand more\n"
    assert Checkpoint.parse(text).extensions == ("more", "and more")
    assert Checkpoint.parse(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AAAA",
        C2SP_PUBLIC.replace("530d903a", "530d903b"),
        C2SP_PUBLIC.replace("example", "example "),
        C2SP_PUBLIC[:-4],
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    """A key whose id is not its own is none."""
    with pytest.raises(UsageError):
        Verifier.parse(text)


@pytest.mark.parametrize("text", ["", GO_PUBLIC, GO_PRIVATE[:-8], GO_PRIVATE.replace("c7", "c8")])
def test_a_private_key_is_never_shown_in_an_error(text: str) -> None:
    """What is wrong with it is said without it."""
    with pytest.raises(UsageError) as caught:
        Signer.parse(text)
    assert "AYEKFALV" not in f"{caught.value.message}{caught.value.hint}"


# -- a log


def grow(path: Path, lines: int, rotate_at: int = 1 << 30) -> None:
    """Append so many lines to a log."""
    for _ in range(lines):
        append(str(path), path.parent.name, BODY, rotate_at=rotate_at)


@pytest.fixture
def log(home: Home) -> Path:
    """A log of several sealed segments and 40 lines or so."""
    path = home.log("t")
    grow(path, 40, rotate_at=4000)
    assert len(sealed_segments(str(path))) > 2
    return path


def digests(path: Path) -> list[bytes]:
    """Return the leaf data of all lines that are there."""
    lines = [line for segment, size in snapshot(str(path)) for line in lines_of(segment, size)]
    return [hashlib.sha256(line.removesuffix(b"\n")).digest() for line in lines]


def test_somebody_elses_verifier_takes_our_checkpoint(log: Path) -> None:
    """Origin, size, root and signature; and every line of the log is under that root."""
    checkpoint = checkpoint_of(str(log))
    note, keys = KEY.sign(checkpoint.text), [str(KEY.verifier)]
    head = metamorphic_log.checkpoint_verify(note, keys)
    leaves = digests(log)
    assert (head.origin, head.size, head.extensions) == (checkpoint.origin, len(leaves), [])
    assert head.root == checkpoint.root == textbook_root(leaves)
    for number, leaf in enumerate(leaves):
        metamorphic_log.checkpoint_verify_inclusion(
            note, keys, number, hashlib.sha256(b"\0" + leaf).digest(), textbook_path(number, leaves)
        )
    log_id = json.loads(log.read_bytes().split(b"\n")[0])["log"]
    assert head.origin == f"tooltrail/t/{log_id}"


def test_a_log_that_goes_on_holds(log: Path) -> None:
    """Appending, sealing and compressing change nothing of what was signed."""
    checkpoint = open_checkpoint(KEY.sign(checkpoint_of(str(log)).text).encode(), [KEY.verifier])
    assert hold_to(checkpoint, str(log)).state == HOLDS
    grow(log, 30, rotate_at=4000)
    for segment in sealed_segments(str(log)):
        compress(segment)
    held = hold_to(checkpoint, str(log))
    assert (held.state, held.wrong) == (HOLDS, False)
    assert str(checkpoint.size) in held.message


def test_every_prefix_of_a_log_holds(home: Home) -> None:
    """Whenever a checkpoint is made, the log holds to it later."""
    path = home.log("t")
    made = []
    for _ in range(20):
        grow(path, 1)
        made.append(checkpoint_of(str(path)))
    assert {hold_to(checkpoint, str(path)).state for checkpoint in made} == {HOLDS}


def test_a_cut_tail_is_seen(log: Path) -> None:
    """The chain of what is left is whole: only the checkpoint knows."""
    checkpoint = checkpoint_of(str(log))
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]))
    held = hold_to(checkpoint, str(log))
    assert (held.state, held.wrong) == (TRUNCATED, True)


def test_a_log_that_was_written_anew_is_seen(home: Home) -> None:
    """A whole new chain under the old log id, as long as the old one, is another log."""
    path = home.log("t")
    grow(path, 10)
    checkpoint = checkpoint_of(str(path))
    log_id = checkpoint.log_id
    path.unlink()
    append(str(path), "t", '{"event":"later"}')
    forged = json.loads(path.read_bytes().split(b"\n")[0])["log"]
    path.write_bytes(path.read_bytes().replace(forged.encode(), log_id.encode()))
    grow(path, 20)
    held = hold_to(checkpoint, str(path))
    assert (held.state, held.wrong) == (REWRITTEN, True)


def test_one_changed_byte_is_seen(log: Path) -> None:
    """Any line that was signed counts, torn and damaged ones too."""
    checkpoint = checkpoint_of(str(log))
    oldest = Path(sealed_segments(str(log))[0].path)
    content = oldest.read_bytes()
    oldest.write_bytes(content.replace(b"xxx", b"xyx", 1))
    assert hold_to(checkpoint, str(log)).state == REWRITTEN


def test_another_log_is_told_apart(home: Home) -> None:
    """The origin names the log by its id, which stays where its host is renamed."""
    grow(home.log("t"), 3)
    grow(home.log("u"), 3)
    held = hold_to(checkpoint_of(str(home.log("t"))), str(home.log("u")))
    assert (held.state, held.wrong) == (OTHER_LOG, True)


def test_a_pruned_log_holds_as_far_as_can_be_told(log: Path) -> None:
    """The prune line has the tree of what is gone: what was signed since can be checked."""
    early = checkpoint_of(str(log))
    grow(log, 40, rotate_at=4000)
    late = checkpoint_of(str(log))
    grow(log, 40, rotate_at=4000)
    prune(str(log), Retention(max_segments=5))
    assert hold_to(late, str(log)).state == HOLDS
    held = hold_to(early, str(log))
    assert (held.state, held.wrong) == (UNCHECKED, False)
    again = checkpoint_of(str(log))
    assert again.size > late.size
    prune(str(log), Retention(max_segments=3))
    assert hold_to(again, str(log)).state == HOLDS


def test_a_prune_that_was_cut_short_counts_no_line_twice(log: Path) -> None:
    """The prune line is written first: the segment that it names may still be here."""
    grow(log, 40, rotate_at=4000)
    checkpoint = checkpoint_of(str(log))
    oldest = Path(sealed_segments(str(log))[0].path)
    content = oldest.read_bytes()
    prune(str(log), Retention(max_segments=len(sealed_segments(str(log))) - 1))
    oldest.write_bytes(content)
    assert hold_to(checkpoint, str(log)).state == HOLDS


def test_a_log_whose_start_is_gone_is_not_signed(log: Path) -> None:
    """Nobody knows how many lines there were."""
    checkpoint = checkpoint_of(str(log))
    os.unlink(sealed_segments(str(log))[0].path)
    with pytest.raises(LogNotWholeError, match="gone"):
        checkpoint_of(str(log))
    assert hold_to(checkpoint, str(log)).state == UNCHECKED


def test_a_torn_last_line_counts_once_it_is_closed_off(home: Home) -> None:
    """Its writer may still be at it; the next one closes it off, and then it is a line."""
    path = home.log("t")
    grow(path, 3)
    before = checkpoint_of(str(path))
    with path.open("ab") as torn:
        torn.write(b'{"v":1,"seq":4,"pr')
    assert checkpoint_of(str(path)).text == before.text
    grow(path, 1)
    after = checkpoint_of(str(path))
    assert after.size == before.size + 2
    assert hold_to(before, str(path)).state == hold_to(after, str(path)).state == HOLDS


def test_a_log_that_is_not_there_cannot_be_checked(home: Home) -> None:
    """That is said, and is no error of the log."""
    assert hold_to(Checkpoint("tooltrail/t/log_x", 1, bytes(32)), "/nowhere/a").state == UNCHECKED


def test_a_checkpoint_file_finds_its_log(home: Home) -> None:
    """Among many logs, the one that it is of is held to it; a file that nobody signed is none."""
    paths = [str(home.log(tool)) for tool in "tuv"]
    for tool in "tuv":
        grow(home.log(tool), 3)
    note, keys = home.path / "note", home.path / "keys"
    keys.write_text(f"{Signer.generate('other').verifier}\n\n{KEY.verifier}\n")
    note.write_text(KEY.sign(checkpoint_of(paths[1]).text))
    held = hold_file(str(note), str(keys), paths)
    assert (held.state, held.path, held.last_seq) == (HOLDS, paths[1], 3)
    grow(home.log("u"), 3)
    assert hold_file(str(note), str(keys), paths).last_seq == 3
    assert hold_file(str(note), str(keys), paths[::2]).state == UNCHECKED
    assert hold_file(str(note), str(keys), paths[:1]).state == OTHER_LOG
    keys.write_text(f"{Signer.generate('other').verifier}\n")
    with pytest.raises(NoteError, match="none of the keys"):
        hold_file(str(note), str(keys), paths)
    for missing in ((str(note), "/nowhere"), ("/nowhere", str(keys))):
        with pytest.raises(UsageError, match="no such file"):
            hold_file(*missing, paths)


# -- the command


def run(home: Home, *arguments: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `tooltrail checkpoint`."""
    code = (
        "import sys; sys.argv[0] = 'tooltrail'\n"
        f"{before}\n"
        "from tooltrail.cli.checkpoint import main; sys.exit(main(sys.argv[2:]))"
    )
    return home.run(PYTHON, "-c", code, "checkpoint", *arguments)


@pytest.fixture
def key(home: Home) -> Path:
    """A key of its own."""
    path = home.path / "key"
    done = run(home, "--new-key", "build-7", "--key", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    return path


def test_a_new_key_is_its_owners_alone(home: Home, key: Path) -> None:
    """The private half is 0600 and printed nowhere; the public half is printed and kept."""
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    public = Path(f"{key}.pub").read_text()
    assert str(Signer.parse(key.read_text()).verifier) + "\n" == public
    assert public.startswith("build-7+")
    again = run(home, "--new-key", "build-7", "--key", str(key))
    assert again.returncode == 2
    assert "not overwritten" in again.stderr
    assert Path(f"{key}.pub").read_text() == public
    recorded = home.log("tooltrail").read_text()
    assert "PRIVATE" not in recorded
    assert key.read_text()[-30:-1] not in recorded


def test_a_public_half_that_is_in_the_way_leaves_no_private_half(home: Home) -> None:
    """Both files are made, or none."""
    path = home.path / "key"
    Path(f"{path}.pub").write_text("something else\n")
    assert run(home, "--new-key", "--key", str(path)).returncode == 2
    assert not path.exists()
    assert Path(f"{path}.pub").read_text() == "something else\n"


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\tb", "x" * 300])
def test_a_name_that_no_key_may_have_is_refused(home: Home, name: str) -> None:
    """The format asks for it."""
    done = run(home, "--new-key", name, "--key", str(home.path / "key"))
    assert done.returncode == 2
    assert not (home.path / "key").exists()


def test_the_command_signs_a_log(home: Home, key: Path, log: Path) -> None:
    """By its tool's name or by its path; to stdout, or into a file."""
    done = run(home, "t", "--key", str(key))
    assert (done.returncode, done.stderr) == (0, "")
    assert run(home, str(log), "--key", str(key)).stdout == done.stdout
    public = Path(f"{key}.pub").read_text().strip()
    assert metamorphic_log.checkpoint_verify(done.stdout, [public]).size == len(digests(log))
    kept = home.path / "kept"
    assert run(home, "t", "--key", str(key), "--output", str(kept)).returncode == 0
    assert kept.read_text() == done.stdout
    assert [entry.name for entry in home.path.glob("kept*")] == ["kept"]


def test_a_checkpoint_is_replaced_only_by_one_that_agrees(home: Home, key: Path, log: Path) -> None:
    """A log must not be signed inconsistently: the earlier checkpoint is evidence."""
    kept = home.path / "kept"
    arguments = ("t", "--key", str(key), "--output", str(kept))
    run(home, *arguments)
    early = kept.read_text()
    grow(log, 3)
    assert run(home, *arguments).returncode == 0
    late = kept.read_text()
    assert late != early
    content = log.read_bytes()
    log.write_bytes(b"".join(content.splitlines(keepends=True)[:-1]))
    done = run(home, *arguments)
    assert done.returncode == 1
    assert "does not hold" in done.stderr
    assert kept.read_text() == late
    kept.write_text("my only copy of something else\n")
    assert run(home, *arguments).returncode == 1
    assert kept.read_text() == "my only copy of something else\n"


def test_a_key_that_others_may_read_is_refused(home: Home, key: Path, log: Path) -> None:
    """Whoever can read it can sign."""
    key.chmod(0o644)
    done = run(home, "t", "--key", str(key))
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        ((), 2),
        (("--key", "/nowhere/key"), 2),
        (("nosuch", "--key", "KEY"), 1),
        (("--key", "KEY"), 2),
        (("t", "--new-key", "x", "--key", "KEY2"), 2),
        (("t", "--key", "KEY", "--output", "/nowhere/file"), 1),
    ],
)
def test_what_cannot_be_signed_is_said(
    home: Home, key: Path, log: Path, arguments: tuple[str, ...], exit_code: int
) -> None:
    """The exit code and stderr tell; no traceback does."""
    named = [str(home.path / part.lower()) if "KEY" in part else part for part in arguments]
    done = run(home, *named)
    assert done.returncode == exit_code
    assert "Traceback" not in done.stderr
    assert "error" in done.stderr + done.stdout


def test_without_the_extra_the_command_to_install_it_is_named(
    home: Home, key: Path, log: Path
) -> None:
    """Nothing else of tooltrail needs it."""
    hidden = "sys.modules['cryptography'] = None"
    done = run(home, "t", "--key", str(key), before=hidden)
    assert done.returncode == 2
    assert "pip install 'tooltrail[sign]'" in done.stderr


def test_signing_reads_a_steady_picture(home: Home, log: Path) -> None:
    """While four processes write and seal, each checkpoint is one that the log holds to."""
    code = (
        "import sys\nfrom tooltrail.trail import append\n"
        "for _ in range(400): append(sys.argv[1], 't', sys.argv[2], rotate_at=20000)"
    )
    writers = [
        subprocess.Popen([PYTHON, "-c", code, str(log), BODY], env=home.environment())
        for _ in range(4)
    ]
    made = []
    while any(writer.poll() is None for writer in writers):
        made.append(checkpoint_of(str(log)))
    assert not any(writer.wait() for writer in writers)
    made = made[:: max(1, len(made) // 20)]
    assert {hold_to(checkpoint, str(log)).state for checkpoint in made} == {HOLDS}
