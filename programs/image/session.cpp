#include "programs/image/session.hpp"

#include <map>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "programs/image/wire.h"

namespace lapicheck::programs::image {
namespace {

using traces::FileDescriptor;

std::string replaced(std::string word, const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values)
        for (std::size_t at = word.find(name); at != std::string::npos;
             at = word.find(name, at + value.size()))
            word.replace(at, name.size(), value);
    return word;
}

} // namespace

Session::Session(MachineCommand command, Machine machine, bool keeps_on)
    : command_(std::move(command)), machine_(std::move(machine)),
      keeps_on_(keeps_on && names(command_, "{memory}")) {}

std::string Session::start(std::string_view blob) {
    std::map<std::string, std::string> values = {{"{vcpus}", fmt::format("{}", machine_.apic_ids.size())},
                                                 {"{features}", ""}};
    std::string& features = values["{features}"];
    if (!machine_.x2apic) features += command_.without_x2apic;
    if (!machine_.tsc_deadline) features += command_.without_deadline;
    if (machine_.vendor == GuestVendor::intel) features += command_.as_intel;
    if (machine_.vendor == GuestVendor::amd) features += command_.as_amd;
    const bool beside = names(command_, "{program}");
    const std::string_view inside = beside ? std::string_view{} : blob;
    std::vector<FileDescriptor> files;
    const auto add = [&](const std::string& placeholder, const std::string& bytes) {
        values[placeholder] = path_of(files.emplace_back(memory_file("lapicheck-image", bytes)));
    };
    if (names(command_, "{rom}")) add("{rom}", rom_package(blob, command_.bits));
    if (names(command_, "{kernel}")) add("{kernel}", pvh_package(inside));
    if (beside) add("{program}", std::string(blob));
    if (names(command_, "{memory}")) values["{memory}"] = path_of(memory_.emplace(memory_bytes).file());
    if (names(command_, "{output}")) {
        process_.make_pipes();
        values["{output}"] = path_of(process_.output());
    }
    for (const auto& [placeholder, text] : command_.files) add(placeholder, replaced(text, values));
    std::vector<std::string> words;
    words.reserve(command_.words.size());
    for (const std::string& word : command_.words) words.push_back(replaced(word, values));
    std::vector<const FileDescriptor*> inherited;
    inherited.reserve(files.size() + 1);
    for (const FileDescriptor& file : files) inherited.push_back(&file);
    if (memory_) inherited.push_back(&memory_->file());
    return process_.start(words, inherited);
}

std::string Session::hand_over(std::string_view blob, std::uint32_t nonce) {
    const std::string_view bell(reinterpret_cast<const char*>(&nonce), sizeof nonce);
    if (memory_->write(WIRE_BLOB_ADDRESS, blob) && memory_->write(WIRE_DOORBELL, bell)) return {};
    return "the machine's memory does not hold the program";
}

// Until the image has said all, or nothing more comes.
void Session::listen(FrameReader& reader, Result& result) {
    std::vector<Frame> frames;
    while (true) {
        for (const Frame& frame : frames)
            if (result.refused = result.transcript.take(frame); !result.refused.empty())
                return process_.end();
        frames.clear();
        const Transcript& said = result.transcript;
        ready_ = said.is_ready();
        if (said.has_ended() && (ready_ || !keeps_on_)) return;
        if (!said.panic().empty()) {
            result.stopped = fmt::format("the image met an exception of its own ({})", said.panic());
            return process_.end();
        }
        const Process::Read read = process_.read(command_.patience);
        reader.feed(read.bytes, frames);
        if (read.ended || read.silent) {
            const std::string ending = process_.ending();
            result.stopped = read.silent      ? fmt::format("no output for {} s", command_.patience.count())
                             : ending.empty() ? "its output ended"
                                              : ending;
            return process_.end();
        }
    }
}

Session::Result Session::carry_out(std::span<const Section> sections, bool flush_each) {
    BlobOptions options;
    options.nonce = std::random_device{}() | 1U; // 0 is no nonce
    options.settle = command_.settle;
    options.flush_each = flush_each;
    options.session = keeps_on_;
    options.no_serial = true;
    const std::string blob = write_blob(sections, options);
    Result result{Transcript(sections), {}, {}, {}};
    FrameReader reader(options.nonce);
    result.stopped = std::exchange(ready_, false) ? hand_over(blob, options.nonce) : start(blob);
    if (!result.stopped.empty()) return result;
    listen(reader, result);
    reader.finish();
    result.frames = reader.counts();
    return result;
}

} // namespace lapicheck::programs::image
