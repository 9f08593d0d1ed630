"""The nightly run in Airflow 3: the day before's messages, each night at two o'clock in Korea.

Put it among Airflow's DAGs. Its worker needs a clone of malgil, which MALGIL_HOME names, and what the clone needs to
submit jobs (docs/yarn.md). MALGIL_SPEC is the job spec: a name of conf/jobs, or a YAML file of your own.

The task waits for the run, also for one on YARN, and ends it when Airflow ends the task. A task that failed goes on
where its run was. Where a worker was lost, its run on YARN may still be going: until that has ended, the task's further
attempts fail at once, and the one behind its end finds every step done. `airflow backfill create` fills days that were
missed, one after another.
"""

import os
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = os.environ.get("MALGIL_HOME", "/opt/malgil")
SPEC = os.environ.get("MALGIL_SPEC", "nightly")
DAY_BEFORE = "{{ logical_date.in_timezone('Asia/Seoul').subtract(days=1).to_date_string() }}"

with DAG(
    "malgil_nightly",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Seoul"),
    catchup=False,
    max_active_runs=1,  # a day's model learns from the day before's champion
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10), "retry_exponential_backoff": True},
    tags=["malgil"],
    doc_md=__doc__,
):
    BashOperator(
        task_id="nightly",
        bash_command=f"exec ./spark-submit.sh jobs run '{SPEC}' day={DAY_BEFORE}",  # its last line is the task's XCom
        cwd=HOME,
        append_env=True,
    )
