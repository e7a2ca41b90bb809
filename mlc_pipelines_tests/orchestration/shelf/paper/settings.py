"""What a connection of paper may say."""

from mlc_pipelines_tests.orchestration.desk import PaperSettings

SETTINGS = PaperSettings
