#include "checker/report/text.hpp"

#include "checker/judge/divergence_text.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {

std::string known_share_text(std::size_t known, std::size_t all) {
    if (known == 0) return {};
    if (known < all)
        return fmt::format(", {} of them {}", known,
                           known == 1 ? "a known departure of KVM" : "known departures of KVM");
    return all == 1 ? ", a known departure of KVM" : ", all of them known departures of KVM";
}

std::string titled_headline(const Divergence& divergence) {
    const Rule rule = divergence.mismatch.rule;
    return fmt::format("{} {} ({}): {}", model::to_string(rule), slug_of(rule), level_of(rule),
                       headline(divergence));
}

std::string titled_sentence(const Divergence& divergence) {
    const std::string sentence = titled_headline(divergence);
    const std::string allowed = expected_text(divergence);
    return sentence.ends_with(allowed) ? sentence : fmt::format("{}; allowed: {}", sentence, allowed);
}

extern const ReportFormat text_format;
const ReportFormat text_format = {
    .name = "text",
    .is_for_terminals = true,
    .check = write_check_text,
    .interrupts = write_interrupts_text,
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
