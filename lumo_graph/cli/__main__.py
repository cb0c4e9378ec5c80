"""`python -m lumo_graph.cli`."""

import sys

from lumo_graph.cli import main

sys.exit(main())
