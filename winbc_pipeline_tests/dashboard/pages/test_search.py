"""A search by key or number, and the files that it reads. Source: docs/dashboard.md (Activity)."""

from winbc_pipeline.dashboard.reading.activity import Filter, newest
from winbc_pipeline.dashboard.reading.names import having
from winbc_pipeline.staging.published import compaction, files

from .conftest import Shown


def test_a_search_reads_only_the_files_that_have_the_text_and_finds_what_all_of_them_have(day: Shown) -> None:
    settings = day.orders.settings
    for number in ("W3", "W4"):
        compaction.compact(settings, many=1)
        day.orders.pass_time(60)
        day.orders.order(number)
        day.run()
    compaction.compact(settings, many=1)
    present = files.outcome_files(settings)
    assert len(present) == 2
    assert [len(having(present, text)) for text in ("w3", "W4", "s-ord", "nobody", "")] == [1, 1, 2, 0, 2]

    def found(text: str) -> set[str]:
        return {row["key"] for row in newest(settings, Filter(text=text))}

    assert [found(text) for text in ("w3", "W4", "nobody")] == [{"W3"}, {"W4"}, set()]
