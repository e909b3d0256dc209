"""What a night without anybody awake hangs on: the schedule, its driver, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator

from batch.account.doctor import Finding, Patient, fail, ok, warn
from batch.platforms.aws import client, translated
from batch.schedule.records import schedule_names
from batch.schedule.schedules import show_schedule
from manifests.storage import open_store


def schedules(patient: Patient) -> Iterator[Finding]:
    """Whether each schedule fires, and finds the driver that it starts."""
    output = open_store(patient.config.output.uri)
    for name in schedule_names(output):
        shown = show_schedule(output, name, firings=0, last=0)
        subject, schedule, state = f"schedule {name}", shown.schedule, shown.state
        if state != "enabled":
            mend = (
                f"'nightscribe schedule resume {name}' lets it fire, 'schedule put' makes it anew"
            )
            yield warn(subject, f"it is {state}", mend)
        if any(True for _ in output.list(schedule.code)):
            yield ok(subject, f"{schedule.window} {schedule.timezone}, its driver is there")
        else:
            mend = "'nightscribe schedule put' again uploads it"
            yield fail(subject, f"its driver is gone from {output.uri_of(schedule.code)}", mend)


def group(patient: Patient) -> Iterator[Finding]:
    """Whether the group of schedules is there."""
    name = patient.account.schedule_group
    if name is None:
        return
    with translated(f"[sagemaker] schedule_group {name}"):
        scheduler = client("scheduler", patient.region)
        state = scheduler.get_schedule_group(Name=name)["State"]
    if state == "ACTIVE":
        yield ok("schedule group", name)
    else:
        mend = "wait until it is gone, then 'nightscribe deploy' makes it anew"
        yield fail("schedule group", f"{name} is {state.lower()}", mend)


def dead_letters(patient: Patient) -> Iterator[Finding]:
    """Firings that the scheduler could not deliver."""
    arn = patient.account.dead_letter_queue
    if arn is None:
        return
    with translated(f"[sagemaker] dead_letter_queue {arn}"):
        sqs = client("sqs", patient.region)
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        answer = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
    count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if not count:
        yield ok("dead letters", "none wait")
        return
    mend = (
        "each says why a firing could not start its job: aws sqs receive-message --queue-url "
        f"{url} --attribute-names All --message-attribute-names All"
    )
    yield warn("dead letters", f"{count} firings could not be delivered", mend)


def topic(patient: Patient) -> Iterator[Finding]:
    """Whether anybody hears of a night that failed."""
    arn = patient.account.topic
    if arn is None:
        return
    with translated(f"[sagemaker] topic {arn}"):
        sns = client("sns", patient.region)
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
        found = [one["SubscriptionArn"] for page in pages for one in page["Subscriptions"]]
    confirmed = sum(one.startswith("arn:") for one in found)
    if confirmed:
        yield ok("topic", f"{confirmed} confirmed subscriptions to {arn}")
        return
    waiting = f", {len(found)} wait for a confirmation by mail" if found else ""
    mend = (
        f"aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint you@…; "
        "then follow the link in the mail"
    )
    yield warn("topic", f"nobody hears of failed nights: no confirmed subscription{waiting}", mend)
