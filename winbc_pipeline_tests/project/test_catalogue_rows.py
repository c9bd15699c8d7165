"""Each row of the test catalogue about tables, storage, security, privacy and alerts has a test that is there."""

import pytest

from ..support.sandboxes import REPOSITORY

ROWS = {
    77: ("test_where_tables_run_duckdb_reaches_nothing_outside",),
    78: (
        "test_what_spreadsheets_save_is_read",
        "test_what_cannot_be_read_right_is_refused_with_its_place",
        "test_a_cell_of_ten_megabytes_is_refused",
    ),
    79: (
        "test_an_edit_while_a_run_is_at_work_counts_for_all_of_its_records",
        "test_reset_puts_the_shipped_table_back_and_keeps_the_replaced_one",
    ),
    80: ("test_what_does_not_fit_a_field_is_found_before_any_record_is_mapped",),
    81: (
        "test_no_cell_of_the_export_begins_as_a_formula",
        "test_written_values_are_safe_in_a_spreadsheet_and_read_back_as_they_were",
    ),
    82: ("test_the_select_agrees_with_an_interpreter",),
    84: ("test_a_damaged_database_alone_is_put_back", "test_a_damaged_database_makes_no_backup"),
    85: ("test_a_locked_database_is_named_with_its_process",),
    86: ("test_a_database_keeps_its_log_with_what_was_committed_last", "test_a_kill_leaves_a_whole_database"),
    87: ("test_a_setting_that_is_missing_or_unsafe_is_named_before_any_call", "test_a_disk_without_room_is_told"),
    88: (
        "test_the_service_outside_is_pinged_once_a_minute_and_not_while_nobody_can_be_told",
        "test_a_program_that_is_off_is_late_too",
    ),
    89: ("test_all_that_an_earlier_version_knew_is_there", "test_a_later_version_is_refused_and_left_as_it_is"),
    90: ("test_a_backup_in_the_midst_of_a_run_is_as_good",),
    91: (
        "test_people_and_secrets_are_nowhere_but_where_they_belong",
        "test_no_secret_and_no_person_is_in_anything_that_is_written_beside_the_databases",
    ),
    92: ("test_no_job_takes_a_secret_in_its_run_config",),
    93: ("test_plain_http_is_for_loopback_only", "test_an_unknown_certificate_is_refused"),
    94: ("test_none_gets_through_the_door_while_an_admin_is_logged_in", "test_nothing_is_run_or_fetched_by_get"),
    # 95 is about a receiver of webhooks: there is none.
    96: (
        "test_not_one_byte_of_an_erased_person_is_left",
        "test_after_an_erasing_and_another_day_nothing_of_the_person_is_anywhere",
        "test_a_request_that_was_never_processed_is_emptied_and_the_certificate_says_so",
        "test_an_erased_guest_is_in_no_byte_of_an_old_backup_and_it_is_restored_with_the_present_key",
    ),
    97: ("test_the_next_runs_bring_nobody_back_send_nothing_twice_and_settle_a_lost_order",),
    98: ("test_bodies_go_after_7_days_and_events_after_90", "test_a_superseded_run_goes_and_the_newest_stays"),
    99: ("test_the_export_holds_each_value_that_is_kept",),
    100: ("test_a_field_that_no_table_names_is_never_stored",),
    101: ("test_people_and_secrets_are_nowhere_but_where_they_belong",),
    102: ("test_the_folder_of_a_connection_becomes_its_owners_alone",),
    103: ("test_every_library_is_pinned_with_hashes_and_none_from_an_address", "test_two_builds_make_the_same_wheel"),
    104: ("test_nothing_runs_text_starts_a_shell_or_unpacks_foreign_objects",),
    105: (
        "test_an_order_that_fails_is_told_in_words_that_are_enough_to_act_on",
        "test_nothing_that_a_person_is_known_by_leaves_the_ledger",
    ),
    106: ("test_500_orders_with_one_cause_are_one_message_with_five_examples",),
    107: ("test_the_same_failure_for_two_days_is_told_at_once_after_an_hour_six_hours_and_each_day",),
    108: ("test_a_problem_is_closed_when_its_last_record_is_done", "test_what_is_mended_is_told_where_it_was_told"),
    109: ("test_credentials_that_stop_five_flows_are_one_message",),
    110: (
        "test_a_receiver_that_fails_leaves_the_run_alone_and_gets_the_message_later",
        "test_a_receiver_that_hangs_leaves_the_run_alone",
        "test_the_second_channel_gets_what_the_first_does_not_take",
        "test_each_channel_says_whether_it_takes_messages_and_when_it_is_tried_again",
    ),
    111: (
        "test_a_run_that_dies_before_it_tells_leaves_that_to_the_next_look",
        "test_with_run_daemon_and_ui_killed_in_turn_the_message_is_sent_once",
    ),
    112: (
        "test_a_program_that_is_off_is_late_too",
        "test_the_exit_code_says_fine_failed_or_late",
        "test_the_service_outside_is_pinged_once_a_minute_and_not_while_nobody_can_be_told",
    ),
    113: ("test_every_error_and_reason", "test_every_reason_and_every_error_is_named_by_a_test_that_brings_it_about"),
    114: (
        "test_the_figures_for_prometheus_are_read_by_its_parser_and_have_stable_names",
        "test_answers_are_counted_by_status_for_all_processes",
    ),
    # No alert comes from a sensor of Dagster's run statuses: runs, the watch and cron send.
    115: (
        "test_a_thousand_failures_an_hour_for_twelve_hours_are_twelve_messages_at_most",
        "test_alerts_flush_sends_by_itself_and_says_when_nobody_takes_it",
    ),
}


@pytest.fixture(scope="module")
def code() -> str:
    files = (REPOSITORY / "winbc_pipeline_tests").rglob("test_*.py")
    return "".join(path.read_text(encoding="utf-8") for path in files)


def test_each_row_has_its_tests(code: str) -> None:
    assert [name for names in ROWS.values() for name in names if f"def {name}(" not in code] == []
