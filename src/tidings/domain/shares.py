"""Shares: who gets how much where there is not enough for all."""

from collections.abc import Sequence


def fair_shares(wanted: Sequence[int], room: int) -> list[int]:
    """Share `room` places among those who want so many each.

    Nobody gets more than they want; who wants little gets all of it, and what that leaves is
    shared evenly among the others. With more room no share gets smaller.
    """
    shares = [0] * len(wanted)
    modest_first = sorted(range(len(wanted)), key=lambda index: (wanted[index], -index))
    for served, index in enumerate(modest_first):
        shares[index] = min(wanted[index], room // (len(wanted) - served))
        room -= shares[index]
    return shares
