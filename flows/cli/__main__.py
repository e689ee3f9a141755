"""`python -m flows.cli VERB`: the console script, as a module."""

import sys

from flows.cli.app import main

sys.exit(main())
