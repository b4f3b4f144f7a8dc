"""All studies by name."""

from experiments.errors import unknown_name
from experiments.suite.studies import drift, failures, faults, final, start
from experiments.suite.studies.study import Study

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (final.STUDY, start.STUDY, faults.STUDY, drift.STUDY, failures.STUDY)
}


def find_study(name: str) -> Study:
    """The study of this name."""
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    return STUDIES[name]
