"""Prints what it was given, and ends with the given exit code; for test_warm.py."""

import gc
import json
import os
import sys
import time

if __name__ == "__main__":
    settings = {name: value for name, value in os.environ.items() if name.startswith("MYILI_")}
    given = {"arguments": sys.argv[1:], "settings": settings, "group": os.getpgid(0), "frozen": gc.get_freeze_count()}
    print(json.dumps(given), flush=True)  # noqa: T201 - its output is what is tested
    if sys.argv[1] == "stay":
        time.sleep(60)
    sys.exit(int(sys.argv[1]))
