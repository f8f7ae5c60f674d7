"""The settings of this process; each is an environment variable of the same name in capitals."""

from pydantic import Field

from shared.runtime.settings import KafkaSettings, ProcessSettings


class Settings(ProcessSettings):
    """What the delay needs to run."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    delay_window: int = Field(
        800, ge=2, le=100_000, description="records of one partition read ahead; memory and speed of a burst follow it"
    )
