#include "checker/report/text.hpp"

namespace lapicheck::checker {

extern const ReportFormat text_format;
const ReportFormat text_format = {
    .name = "text",
    .is_for_terminals = true,
    .check = write_check_text,
    .run = write_run_text,
    .random = write_random_text,
    .compare = write_compare_text,
    .audit = write_audit_text,
    .prove = write_prove_text,
    .refine = write_refine_text,
    .mutate = write_mutate_text,
    .replay = write_replay_text,
    .confirm = write_confirm_text,
    .list = write_list_text,
    .explain = write_explanation_text,
};

} // namespace lapicheck::checker
