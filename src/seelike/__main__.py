"""`python -m seelike` is the `seelike` command."""

import sys

from seelike.cli import main

sys.exit(main())
