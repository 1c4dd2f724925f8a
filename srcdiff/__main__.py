"""`python -m srcdiff` is the command `srcdiff`."""

import sys

from srcdiff.cli import main

sys.exit(main())
