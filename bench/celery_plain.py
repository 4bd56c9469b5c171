"""The worker that a user would write instead: Celery with Redis, one `requests.post` a recipient.

    celery -A bench.celery_plain worker --pool prefork --concurrency 2
    python -m bench.celery_plain -n 2000        # puts the tasks on the queue

It reads BENCH_REDIS_URL and BENCH_STUB_URL. As the Celery documentation advises for work that must not get lost, a task is
acknowledged when it is done (`acks_late`). No results are kept, and Redis writes nothing to disk, which favours it.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import requests
from celery import Celery

from bench.traffic import ACCOUNT, TOKEN, bodies

app = Celery("bench", broker=os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue="bench",
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
URL = f"{os.environ.get('BENCH_STUB_URL', '')}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


@app.task(name="bench.send")
def send(form: dict[str, str]) -> None:
    """Send one message."""
    answer = requests.post(URL, data=form, auth=(ACCOUNT, TOKEN), timeout=30)
    answer.raise_for_status()
    assert answer.json()["sid"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, required=True)
    count = parser.parse_args().n
    begun = time.time()
    for form in bodies(count):
        send.delay(form)
    print(json.dumps({"begun": begun, "enqueued": time.time()}), flush=True)


if __name__ == "__main__":
    main()
