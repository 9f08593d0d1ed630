"""The one way from a rule about one value to a Spark column."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from pyspark.sql import Column
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf


def lift(function: Callable[[Any], Any], return_type: T.DataType) -> Callable[..., Column]:
    """A vectorized column function: `function` on each value of a column, null for null.

    With a `StructType`, `function` returns one tuple a value, in the order of the fields; the fields of a
    null are null. `function` travels to the executors: it must be importable there, or a partial of one.
    """
    if isinstance(return_type, T.StructType):
        return _lift_to_struct(function, return_type)

    return _to_column(lambda values: pd.Series(_apply(function, values), dtype=object), return_type)


def lift_batch(function: Callable[[list[Any]], Iterable[Any]], return_type: T.DataType) -> Callable[..., Column]:
    """A vectorized column function: `function` on the values of a whole batch, one result a value, in order."""
    return _to_column(lambda values: pd.Series(list(function(values.tolist())), dtype=object), return_type)


def _to_column(function: Callable[[pd.Series], pd.Series], return_type: T.DataType) -> Callable[..., Column]:
    def on_series(values: pd.Series) -> pd.Series:  # Spark reads from these types what kind of function it is
        return function(values)

    # pyspark's overloads know no DataType in general.
    column: Callable[..., Column] = pandas_udf(on_series, return_type)  # type: ignore[call-overload]
    return column


def _lift_to_struct(function: Callable[[Any], Any], return_type: T.StructType) -> Callable[..., Column]:
    names = return_type.fieldNames()
    null = (None,) * len(names)

    def on_series(values: pd.Series) -> pd.DataFrame:
        rows = [null if row is None else row for row in _apply(function, values)]
        columns = zip(*rows, strict=True) if rows else ((),) * len(names)
        return pd.DataFrame(
            {name: pd.Series(column, dtype=object) for name, column in zip(names, columns, strict=True)}
        )

    column: Callable[..., Column] = pandas_udf(on_series, return_type)  # type: ignore[call-overload]
    return column


def _apply(function: Callable[[Any], Any], values: pd.Series) -> list[Any]:
    return [None if is_null else function(value) for value, is_null in zip(values.tolist(), values.isna(), strict=True)]
