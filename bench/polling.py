"""Benchmark: rounds of polling beside a peer, their database traffic, and how the cost grows."""

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=400, help="sources that are polled")
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), help="both, if none is named"
    )
    chosen = parser.parse_args()

    # Here, because the child processes that parse documents import this file as well.
    from beside import compare  # noqa: PLC0415
    from rounds import measure  # noqa: PLC0415

    kinds = [chosen.database] if chosen.database else ["sqlite", "postgresql"]
    compare(chosen.feeds, kinds)
    measure(chosen.feeds, kinds)


if __name__ == "__main__":
    main()
