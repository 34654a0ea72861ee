"""Shapes of parameters worked out without Keras, against the networks that Keras builds."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skattn._programs.spec import ATTENTIONS, NetworkSpec
from skattn._saving.parameter_shapes import parameter_shapes


def make_spec(**fields):
    """Return a spec of one feature, one output and one LSTM, unless told otherwise."""
    plain = {"n_features": 1, "n_outputs": 1, "attention": None, "head_input": "concat"}
    plain |= {"units": 5, "n_layers": 1, "bidirectional": False, "dense_units": ()}
    plain |= {"conv_filters": (), "instance_norm": False}
    plain |= {"segment_length": 1, "relative": False, "linear_steps": 0, "has_dropout": False}
    return NetworkSpec(**{**plain, "loss": "squared_error", "optimizer": "sgd", **fields})


SPECS = st.builds(
    make_spec,
    n_features=st.sampled_from([1, 3]),
    n_outputs=st.sampled_from([1, 2]),
    head_input=st.sampled_from(["concat", "context"]),
    units=st.sampled_from([1, 5]),
    n_layers=st.sampled_from([1, 2]),
    bidirectional=st.booleans(),
    instance_norm=st.booleans(),
    conv_filters=st.sampled_from([(), (4, 2)]),
    dense_units=st.sampled_from([(), (5, 3)]),
    segment_length=st.sampled_from([1, 3]),
    relative=st.booleans(),
    linear_steps=st.sampled_from([0, 1, 4]),
)


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(spec=SPECS)
def test_shapes_are_those_of_the_network_that_keras_builds(attention, spec):
    from skattn._programs.program import Program

    spec = replace(spec, attention=attention)
    built = [(weight.path, tuple(weight.shape)) for weight in Program(spec)._weights]
    assert list(parameter_shapes(spec).items()) == built


def test_shapes_of_an_lstm_by_hand():
    spec = make_spec(n_features=3, n_outputs=2, attention=None, units=5)
    assert parameter_shapes(spec) == {
        "lstm_1/lstm_cell/kernel": (3, 20),  # four gates
        "lstm_1/lstm_cell/recurrent_kernel": (5, 20),
        "lstm_1/lstm_cell/bias": (20,),
        "output/kernel": (5, 2),
        "output/bias": (2,),
    }


def test_a_segment_is_read_as_one_wider_step():
    spec = make_spec(n_features=3, attention=None, segment_length=4)
    assert parameter_shapes(spec) == parameter_shapes(make_spec(n_features=12, attention=None))


def test_a_linear_path_reads_its_steps_and_with_relative_inputs_their_level_as_the_head_does():
    plain = make_spec(n_features=3, n_outputs=2, attention=None, units=5)
    shapes = parameter_shapes(replace(plain, linear_steps=4))
    assert shapes == {**parameter_shapes(plain), "linear/kernel": (12, 2)}  # and no bias
    shapes = parameter_shapes(replace(plain, linear_steps=4, relative=True))
    assert shapes["relative_steps/gain"] == (3,)
    assert shapes["output/kernel"] == (5 + 3, 2)
    assert shapes["linear/kernel"] == (12 + 3, 2)
    shapes = parameter_shapes(replace(plain, relative=True, dense_units=(7,)))
    assert (shapes["dense_1/kernel"], shapes["output/kernel"]) == ((5 + 3, 7), (7, 2))


@pytest.mark.parametrize(("head_input", "width"), [("concat", 20), ("context", 10)])
def test_the_head_reads_both_directions_and_with_concat_the_query_as_well(head_input, width):
    spec = make_spec(
        n_features=1, attention="dot", units=5, bidirectional=True, head_input=head_input
    )
    assert parameter_shapes(spec)["output/kernel"] == (width, 1)


def test_shapes_need_no_keras():
    code = (
        "from skattn._saving.parameter_shapes import parameter_shapes; "
        "from types import SimpleNamespace; "
        "import sys; parameter_shapes(SimpleNamespace(**FIELDS)); "
        "print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    )
    code = code.replace("FIELDS", repr(vars(make_spec())))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
