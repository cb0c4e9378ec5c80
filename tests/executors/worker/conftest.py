"""A namespace with a store beside it, as a session and its host keep them."""

from types import SimpleNamespace

import pytest

from lumo_graph.executors.worker.namespace import NamespaceTracker, restore_namespace


class Notebook:
    """Runs code in a namespace and merges every snapshot into a store."""

    def __init__(self, store=None, **options):
        self.namespace = {"__name__": "__main__"}
        self.store = dict(store or {})
        if store is None:
            self.tracker = NamespaceTracker(self.namespace, **options)
        else:
            self.tracker = restore_namespace(store, self.namespace, **options)

    def run(self, code):
        exec(compile(code, "<action>", "exec"), self.namespace)  # noqa: S102 - running code is what a session does
        return self.snapshot()

    def evaluate(self, expression):
        return eval(expression, self.namespace)  # noqa: S307

    def snapshot(self):
        changed, unsaved = self.tracker.snapshot()
        for key, data in changed.items():
            if data is None:
                del self.store[key]
            else:
                self.store[key] = data
        return SimpleNamespace(changed=changed, unsaved=unsaved)

    def restored(self, **options):
        return Notebook(self.store, **options)

    @property
    def variables(self):
        return {name: value for name, value in self.namespace.items() if not name.startswith("__")}


@pytest.fixture(scope="session")
def notebook():
    return Notebook
