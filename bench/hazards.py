"""Benchmark: the cost of hostile documents, one by one, and what visitors notice of it."""

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="hazards to measure; all, if none is named")
    chosen = parser.parse_args()

    # Here, because the child processes that parse documents import this file as well.
    from hazard_rounds import measure  # noqa: PLC0415

    measure(chosen.names)


if __name__ == "__main__":
    main()
