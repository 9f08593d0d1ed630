"""What spark-submit's log tells of an application."""

from pathlib import Path

import pytest

from pipelines.io.yarn_application import explain_application, find_application

SUBMITTED = "INFO YarnClientImpl: Submitted application application_1763737200000_0007\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f"{SUBMITTED}ERROR Client: Application diagnostics message: Container killed on request\nmore\n",
            "application_1763737200000_0007 ended before the job could report: Container killed on request; "
            "see ./spark-submit.sh logs application_1763737200000_0007",
        ),
        (
            f"{SUBMITTED}ERROR Client: Application diagnostics message: User application exited with status 97\n",
            "application_1763737200000_0007 ended before the job could report: its node lacks the Python that the "
            "packages were built for; see ./spark-submit.sh logs application_1763737200000_0007",
        ),
        (
            'Exception in thread "main" org.apache.hadoop.yarn.exceptions.YarnException: unknown queue: night\n',
            "YARN did not take the job: YarnException: unknown queue: night; see ",
        ),
    ],
)
def test_the_reason_of_a_failure_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text)
    assert explain_application(tmp_path / "log").removesuffix(str(tmp_path / "log")) == line


def test_there_is_no_application_before_yarn_took_it(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("INFO Client: Uploading resource\n")
    assert find_application(tmp_path / "log") == ""
