"""The API as a process: `python -m api`, configured by the environment."""

import asyncio
import sys

from api.serving import serve
from runtime.settings import Settings, SettingsError


def main() -> int:
    """Serve; a setting that is wrong ends it with a sentence."""
    try:
        asyncio.run(serve(Settings.load()))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
