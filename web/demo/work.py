"""The demo's worker, on the demo's own clock."""

import sys

from web import worker
from web.demo.files import DATABASE, ERASURES
from web.demo.run import keeper_for, open_demo, ways_for
from web.edge import Edge


def main() -> None:
    """Sweep and deliver until told to stop."""
    store, clock = open_demo(fresh=False)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    edge = Edge(store, clock)
    listed = ERASURES
    worker.run(edge, every=2.0, ways=ways_for(port), keeper=keeper_for(edge), listed=listed)


if __name__ == "__main__":
    if not DATABASE.exists():
        raise SystemExit("There is no demo here. Run: segue demo")
    main()
