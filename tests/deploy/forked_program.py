"""Prints its arguments and settings, and ends with the given exit code; for test_warm.py."""

import json
import os
import sys
import time

if __name__ == "__main__":
    settings = {name: value for name, value in os.environ.items() if name.startswith("MYILI_")}
    print(json.dumps({"arguments": sys.argv[1:], "settings": settings, "group": os.getpgid(0)}), flush=True)  # noqa: T201 - its output is what is tested
    if sys.argv[1] == "stay":
        time.sleep(60)
    sys.exit(int(sys.argv[1]))
