"""The Merkle tree of RFC 6962 (section 2.1) over a list that only grows.

Held as its compact range: the roots of the perfect subtrees that the list divides into, the
largest first. That is at most 64 hashes for any list, and all that is needed to go on: whoever
has it can append without the entries that it stands for.
"""

from hashlib import sha256

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAF, _NODE = b"\x00", b"\x01"  # RFC 6962 keeps the two apart, or a node could pose as a leaf
HASH_BYTES = 32


class CompactRange:
    """A tree over the first `size` entries of a list."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    @classmethod
    def from_peaks(cls, size: int, peaks: "Sequence[str]") -> "CompactRange":
        """Return the tree whose `peaks` these are. Raises `ValueError` where they are not.

        Their number follows from the size: one for each bit that is set in it.
        """
        made = cls()
        made.size = size
        made._peaks = [bytes.fromhex(peak) for peak in peaks]
        sound = all(len(peak) == HASH_BYTES for peak in made._peaks)
        if size < 0 or len(made._peaks) != size.bit_count() or not sound:
            raise ValueError(f"a tree of {size} entries is not held by {len(peaks)} such subtrees")
        return made

    @property
    def peaks(self) -> list[str]:
        """The roots of the perfect subtrees as hex digits, the largest first."""
        return [peak.hex() for peak in self._peaks]

    def append(self, data: bytes) -> None:
        """Add an entry at the end."""
        node = sha256(_LEAF + data).digest()
        full = self.size
        while full & 1:  # each set bit is a subtree as large as the one that was just completed
            node = sha256(_NODE + self._peaks.pop() + node).digest()
            full >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the Merkle tree hash; that of an empty list is the hash of nothing."""
        if not self._peaks:
            return sha256().digest()
        *larger, node = self._peaks
        for peak in reversed(larger):
            node = sha256(_NODE + peak + node).digest()
        return node
