"""Generate a day of synthetic Korean shop chat, with noise, fake PII and broken rows.

./spark-submit.sh generate_messages generator.messages=1650000 generator.intents=450
"""

from jobs.job import Job, Summary, main
from jobs.lineage import generated_id, generator_day
from pipelines.generation import generate_messages
from pipelines.io.raw_messages import write_raw_lines

SECTIONS = ("generator",)


def run(job: Job) -> Summary:
    output = generated_id(job)
    config, day = job.settings.generator, generator_day(job)
    standing = job.store.manifest("raw", output)
    if standing is None:
        lines = generate_messages(job.spark, config, day)
        job.store.publish("raw", output, lambda draft: write_raw_lines(draft, lines))
    url = job.store.url("raw", output, "data")
    return {
        "messages": config.messages,
        "day": day.isoformat(),
        "output": url,
        "skipped": standing is not None,
    }


if __name__ == "__main__":
    main(__file__, run)
