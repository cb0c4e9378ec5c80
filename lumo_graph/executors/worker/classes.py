"""Names for the classes that the session's code defined, so that they can be saved once and referred to."""

from collections.abc import Iterable, Mapping

from lumo_graph.executors.worker.identity import type_home


class ClassNames:
    """Gives every class of a session a name of its own, and keeps it as long as the class is saved.

    cloudpickle's own class ids are random and shared by the process: a session may replay recorded random numbers, and
    two classes with one id would become one class.
    """

    def __init__(self, known: Mapping[str, type] | None = None) -> None:
        self._classes: dict[str, type] = dict(known or {})
        self._names: dict[int, str] = {id(cls): name for name, cls in self._classes.items()}

    def name(self, cls: type) -> str:
        """The name of a class: its qualified name, with a number if another class has that."""
        name = self._names.get(id(cls))
        if name is None:
            wanted = name = type_home(cls)[1]
            count = 1
            while name in self._classes:
                count += 1
                name = f"{wanted} ({count})"
            self._classes[name] = cls
            self._names[id(cls)] = name
        return name

    def __getitem__(self, name: str) -> type:
        return self._classes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._classes

    @property
    def known(self) -> dict[str, type]:
        """Every class by its name."""
        return dict(self._classes)

    def only(self, names: Iterable[str]) -> "ClassNames":
        """These classes and no others, under the same names."""
        return ClassNames({name: self._classes[name] for name in names})
