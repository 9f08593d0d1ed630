"""Clean raw chat logs: text rules, PII masked, duplicates out, bad rows to quarantine with their reason.

./spark-submit.sh clean_messages input.path=hdfs://host:8020/chat/raw/day=2026-05-01 input.columns.text=utt
"""

from jobs.job import Job, Summary, main
from jobs.lineage import clean_id, find_input, generated_id
from pipelines.cleaning import clean_messages
from pipelines.io.messages import publish_clean_messages
from pipelines.io.raw_messages import list_raw_files, read_raw_messages
from pipelines.parsing import parse_messages

SECTIONS = ("input", "cleaning")


def run(job: Job) -> Summary:
    output, source = clean_id(job), find_input(job)
    standing = job.store.manifest("clean", output)
    manifest = standing
    if manifest is None:
        raw = read_raw_messages(job.spark, source)
        outcomes = clean_messages(parse_messages(raw, source), job.settings.cleaning)
        files = list_raw_files(source)
        origin = {"path": source.path, "files": len(files.urls), "fingerprint": files.fingerprint}
        generated = {} if job.settings.input.path else {"raw": generated_id(job)}
        manifest = publish_clean_messages(job.store.made_from(**generated, **origin), output, outcomes, raw)
    counts = {key: manifest[key] for key in ("read", "clean", "rejected", "masked")}
    urls = {"output": job.store.url("clean", output), "quarantine": job.store.url("quarantine", output)}
    return {**counts, **urls, "skipped": standing is not None}


if __name__ == "__main__":
    main(__file__, run)
