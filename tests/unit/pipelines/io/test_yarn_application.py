"""What spark-submit's log tells of an application."""

from pathlib import Path

import pytest

from pipelines.io.yarn_application import explain_application, explain_waiting, find_application, has_started

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
            "YARN did not take the job: spark.yarn.queue: expected a queue of the cluster's, received night; the "
            "ResourceManager's page lists them; see ",
        ),
    ],
)
def test_the_reason_of_a_failure_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text)
    assert explain_application(tmp_path / "log").removesuffix(str(tmp_path / "log")) == line


def test_there_is_no_application_before_yarn_took_it(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("INFO Client: Uploading resource\n")
    assert find_application(tmp_path / "log") == ""


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "[Sat Nov 21 17:30:00 +0000 2026] Application is Activated, waiting for resources to be assigned for AM.  "
            "Details : AM Partition = <DEFAULT_PARTITION> ; ",
            ": Application is Activated, waiting for resources to be assigned for AM",
        ),
        ("N/A", ""),
    ],
)
def test_what_yarn_says_of_an_application_that_waits_is_told(reason: str, told: str, tmp_path: Path) -> None:
    report = "INFO Client: Application report for application_1763737200000_0007 (state: {})\n"
    log = tmp_path / "log"
    log.write_text(f"{report.format('ACCEPTED')}\t client token: N/A\n\t diagnostics: {reason}\n\t queue: nightly\n")
    assert (has_started(log), explain_waiting(log)) == (False, told)
    log.write_text(log.read_text() + report.format("RUNNING"))
    assert has_started(log)
