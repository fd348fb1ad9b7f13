"""``python -m floodmark``."""

import sys

from floodmark.cli import main

sys.exit(main())
