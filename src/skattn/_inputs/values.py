"""Values that float32 can hold."""

import numpy as np

FLOAT32_MAX = float(np.finfo("float32").max)


def check_range(values, name, advice):
    """Refuse infinite values, and values that float32 cannot hold."""
    if values.dtype.kind != "f":
        return
    lowest, highest = (
        float(np.fmin.reduce(values, axis=None)),
        float(np.fmax.reduce(values, axis=None)),
    )
    if max(-lowest, highest) > FLOAT32_MAX:
        value = highest if highest > FLOAT32_MAX else lowest
        raise ValueError(
            f"Input {name} contains infinity or a value too large for float32: {value}. {advice}"
        )
