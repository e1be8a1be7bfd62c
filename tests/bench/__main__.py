"""`python -m tests.bench [NAME]`: run all benchmarks or the named one, and print one table."""

import sys
from importlib import import_module
from pathlib import Path

from tests.bench.report import print_table

_NO_BENCHMARKS = {
    *("__init__", "__main__", "load", "pgbench", "recorded_sql", "report"),
    *("identity_service", "many_applications", "many_bills", "many_payments", "services_stage", "stage"),
}
BENCHMARKS = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in _NO_BENCHMARKS)


def main(arguments: list[str]) -> int:
    if unknown := set(arguments) - set(BENCHMARKS):
        sys.stderr.write(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.\n")
        return 2
    for name in arguments or BENCHMARKS:
        print(name, flush=True)
        import_module(f"tests.bench.{name}").main()
    print_table()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
