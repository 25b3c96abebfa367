"""dbt's own tests of the models, of data and of single models, on records of every kind."""

from tests.transform.packed import Packed


def test_every_test_of_the_models_passes(packed: Packed) -> None:
    packed.dbt("test")
