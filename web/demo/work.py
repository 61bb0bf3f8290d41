"""The demo's worker, on the demo's own clock."""

from web import worker
from web.demo.run import DATABASE, open_demo
from web.edge import Edge


def main() -> None:
    """Sweep and deliver until told to stop."""
    store, clock = open_demo(fresh=False)
    worker.run(Edge(store, clock), every=2.0)


if __name__ == "__main__":
    if not DATABASE.exists():
        raise SystemExit("There is no demo here. Run: segue demo")
    main()
