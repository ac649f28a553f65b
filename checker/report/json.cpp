#include "checker/report/json.hpp"

namespace lapicheck::checker {

extern const ReportFormat json_format;
const ReportFormat json_format = {
    .name = "json",
    .check = write_check_json,
    .interrupts = write_interrupts_json,
    .run = write_run_json,
    .random = write_random_json,
    .compare = write_compare_json,
    .audit = write_audit_json,
    .prove = write_prove_json,
    .refine = write_refine_json,
    .mutate = write_mutate_json,
    .replay = write_replay_json,
    .confirm = write_confirm_json,
    .list = write_list_json,
    .explain = write_explanation_json,
};

// The same reports, each of one recording and in one line.
extern const ReportFormat jsonl_format;
const ReportFormat jsonl_format = {
    .name = "jsonl",
    .streams = true,
    .check = write_check_jsonl,
};

} // namespace lapicheck::checker
