"""Rows of an Arrow batch: those that Arrow itself would give."""

import pyarrow as pa
import pytest

from pipelines.arrow_rows import read_rows


@pytest.mark.parametrize("texts", [["배송은 언제?", "", "😀"], ["a", None, "b"], [None, None, None]])
@pytest.mark.parametrize("numbers", [[1, 2**62, -3], [None, 2**62 + 1, 0], [None, None, None]])
@pytest.mark.parametrize("truths", [[True, False, True], [None, True, False]])
def test_rows_are_arrow_s_own(texts: list[str | None], numbers: list[int | None], truths: list[bool | None]) -> None:
    columns = [pa.array(texts, pa.string()), pa.array(numbers, pa.int64()), pa.array(truths, pa.bool_())]
    batch = pa.RecordBatch.from_arrays(columns, ["text", "offset", "is_screened"])
    for part in (batch, batch.slice(1, 2), batch.slice(0, 0)):
        rows = read_rows(part)
        assert rows == part.to_pylist()
        assert repr(rows) == repr(part.to_pylist())  # 1 is True, and equal to NumPy's 1
