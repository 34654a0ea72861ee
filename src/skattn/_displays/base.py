"""What displays share: the result they hold, and options sorted by the function that takes them."""

from collections.abc import Callable
from inspect import signature
from typing import Any, ClassVar


class ResultDisplay:
    """Base of the displays of a `Bunch` that one function computed.

    A subclass sets `_compute`, the function, and draws in `plot`.
    """

    _compute: ClassVar[Callable]
    plot: Any

    def __init__(self, result):
        self.result = result

    @classmethod
    def _computed_and_drawn(cls, estimator, X, y, ax, options):
        """Compute the result and draw it."""
        to_compute, to_plot = sort_options(cls.__name__, options, cls._compute, cls.plot)
        return cls(cls._compute(estimator, X, y, **to_compute)).plot(ax=ax, **to_plot)


def sort_options(display, options, *functions):
    """Return the options of each function as a dict; an option of none of them is an error."""
    known = [set(signature(function).parameters) for function in functions]
    unknown = [name for name in options if not any(name in names for names in known)]
    if unknown:
        names = " and ".join(f"{function.__name__}" for function in functions)
        raise TypeError(
            f"{display}.from_estimator has no option {unknown[0]!r}. Further options are those of "
            f"{names}."
        )
    return [{name: options[name] for name in options if name in names} for names in known]
