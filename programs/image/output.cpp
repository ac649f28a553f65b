#include "programs/image/output.hpp"

#include <fmt/format.h>

#include "programs/image/transcript.hpp"

namespace lapicheck::programs::image {
namespace {

Execution execution_of(const Section& section, const SectionAnswers& answers, bool has_ended) {
    Execution execution;
    execution.found = answers.found;
    execution.soft_starts = answers.soft_starts;
    if (!answers.begun) {
        execution.status = Execution::Status::refused;
        execution.reason = answers.skipped != 0 ? skip_text(answers.skipped)
                           : has_ended          ? "the line that says what its machine is was lost"
                                                : "the output ends before it";
        return execution;
    }
    const std::size_t answered = answers.answered();
    for (std::size_t i = 0; i < section.steps.size(); ++i) {
        StepOutcome& outcome = execution.outcomes.emplace_back();
        if (answers.outcomes[i]) outcome = *answers.outcomes[i];
        else if (section.steps[i].what == Do::reset) continue; // what follows tells whether it was
        else if (i < answered || has_ended) outcome.end(Ending::lost, "the answer was lost");
        else outcome.end(Ending::not_run, "the output ends before it");
    }
    return execution;
}

} // namespace

std::uint32_t nonce_of(std::span<const Section> sections) {
    return crc32(write_blob(sections, {})) | 1U; // 0 is no nonce
}

Output read_output(std::string_view text, std::span<const Section> sections) {
    Output output;
    FrameReader reader(nonce_of(sections));
    Transcript transcript(sections);
    std::vector<Frame> frames;
    reader.feed(text, frames);
    reader.finish();
    output.frames = reader.counts();
    for (const Frame& frame : frames)
        if (output.error = transcript.take(frame); !output.error.empty()) return output;
    if (frames.empty()) {
        output.error = output.frames.foreign != 0
                           ? "it is the output of another program, or of another version of the image"
                       : output.frames.damaged != 0 ? "no line of the image in it is whole"
                                                    : "it holds no line of the image (@lapicheck ...)";
        return output;
    }
    output.has_ended = transcript.has_ended();
    if (transcript.hello()) output.hypervisor = transcript.hello()->hypervisor;
    for (std::size_t i = 0; i < sections.size(); ++i)
        output.executions.push_back(
            execution_of(sections[i], transcript.sections()[i], transcript.has_ended()));
    return output;
}

} // namespace lapicheck::programs::image
