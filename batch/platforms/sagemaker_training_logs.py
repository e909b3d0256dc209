"""What the containers of a training job print, by sagemaker's reader of CloudWatch streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batch.platforms.aws import client, translated
from manifests.errors import InputError, NightscribeError

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class JobLogs:
    """The lines of a job's log; where it cannot be read, that is said once and tried again.

    Whoever may not read CloudWatch still has a job to wait for.
    """

    def __init__(self, job: str, instances: int, *, region: str | None) -> None:
        self._job = job
        self._instances = instances
        self._region = region
        self._reader: Any = None
        self._told = False

    def new(self) -> Iterator[str]:
        """The lines since the last call."""
        try:
            if self._reader is None:
                self._reader = _reader(self._job, self._instances, self._region)
            with translated("reading the job's log"):
                self._find_restarted()
                for _, event in self._reader.get_latest_log_events():
                    yield event["message"].rstrip()
        except NightscribeError as error:
            if not self._told:
                self._told = True
                yield f"the job goes on, but its log is not shown: {error}"

    def _find_restarted(self) -> None:
        """Add the streams of containers that came after an interruption.

        sagemaker's reader looks for no more once it has one for each instance.
        """
        known = {stream.log_stream_name for stream in self._reader.streams}
        if not known:
            return
        again = _reader(self._job, len(known) + 1, self._region)
        if again.ready():
            new = [one for one in again.streams if one.log_stream_name not in known]
            self._reader.streams = [*self._reader.streams, *new]


def _reader(job: str, instances: int, region: str | None) -> Any:
    try:
        from sagemaker.core.utils import logs  # noqa: PLC0415
    except ImportError as error:
        raise InputError("it needs sagemaker: pip install 'nightscribe[sagemaker]'") from error
    # Its own client would look in the default region, and there may be none.
    cloudwatch = client("logs", region)
    logs.CloudWatchLogsClient.client = cloudwatch
    logs.CloudWatchLogsClient().client = cloudwatch
    return logs.MultiLogStreamHandler(LOG_GROUP, job, instances)
