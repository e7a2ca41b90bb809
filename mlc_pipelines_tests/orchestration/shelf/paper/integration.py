"""The integration of paper: three flows between two desks."""

from mlc_pipelines_tests.orchestration.desk import PAPER

INTEGRATION = PAPER
