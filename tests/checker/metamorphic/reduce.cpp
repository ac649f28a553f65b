#include "reduce.hpp"

#include <algorithm>

namespace lapicheck::metamorphic {
namespace {

using std::size_t;

constexpr size_t most_tries = 20'000;

// Which lines stay, of the recording and of the other one.
struct Kept {
    std::vector<bool> lines;
    std::vector<bool> others;
};

void append(std::string& text, std::string_view line) {
    text += line;
    text += '\n';
}

std::string text_of(const Recording& recording, const std::vector<bool>& kept) {
    std::string text;
    for (const std::string& comment : recording.head) append(text, comment);
    for (size_t i = 0; i < recording.lines.size(); ++i)
        if (kept[i]) append(text, recording.lines[i].text);
    return text;
}

bool stands(const Piece& piece, const Kept& kept) {
    if (piece.line != Piece::none) return (piece.is_other ? kept.others : kept.lines)[piece.line];
    return piece.lost.empty() ||
           std::ranges::any_of(piece.lost, [&](std::uint32_t line) { return kept.lines[line]; });
}

std::string text_of(const Transformed& transformed, const Kept& kept) {
    std::string text;
    for (const std::string& comment : transformed.head) append(text, comment);
    for (const Piece& piece : transformed.pieces)
        if (stands(piece, kept)) append(text, piece.text);
    if (transformed.ends_within_line) text.pop_back();
    return text;
}

Texts texts_of(const Sources& from, const Transformed& transformed, const Kept& kept) {
    Texts texts;
    texts.recording = text_of(from.recording, kept.lines);
    if (std::ranges::any_of(transformed.pieces, &Piece::is_other))
        texts.other = text_of(from.other, kept.others);
    texts.transformed = text_of(transformed, kept);
    return texts;
}

Kept all_of(const Sources& from) {
    return {std::vector<bool>(from.recording.lines.size(), true),
            std::vector<bool>(from.other.lines.size(), true)};
}

// What the transformation had to do with.
Kept used_by(const Sources& from, const Transformed& transformed) {
    Kept kept{std::vector<bool>(from.recording.lines.size()), std::vector<bool>(from.other.lines.size())};
    for (const Piece& piece : transformed.pieces) {
        if (piece.line != Piece::none) (piece.is_other ? kept.others : kept.lines)[piece.line] = true;
        for (const std::uint32_t line : piece.lost) kept.lines[line] = true;
    }
    return kept;
}

class Reducer {
  public:
    Reducer(const Sources& from, const Transformed& transformed,
            const std::function<bool(const Texts&)>& fails)
        : from_(from), transformed_(transformed), fails_(fails), kept_(all_of(from)) {}

    Texts run() {
        try_it(used_by(from_, transformed_));
        for (size_t size = kept_.lines.size() + kept_.others.size(); size > 0; size /= 2)
            while (leave_out_stretches(size) && size == 1) {
            }
        return texts_of(from_, transformed_, kept_);
    }

  private:
    bool try_it(Kept kept) {
        if (++tries_ > most_tries || !fails_(texts_of(from_, transformed_, kept))) return false;
        kept_ = std::move(kept);
        return true;
    }
    bool leave_out_stretches(size_t size) {
        const bool one = leave_out_stretches(size, &Kept::lines);
        return leave_out_stretches(size, &Kept::others) || one;
    }
    bool leave_out_stretches(size_t size, std::vector<bool> Kept::*of) {
        bool any = false;
        std::vector<size_t> left;
        for (size_t i = (kept_.*of).size(); i-- > 0;)
            if ((kept_.*of)[i]) left.push_back(i);
        for (size_t first = 0; first < left.size(); first += size) {
            Kept kept = kept_;
            const size_t last = std::min(first + size, left.size());
            for (size_t i = first; i < last; ++i) (kept.*of)[left[i]] = false;
            any = try_it(std::move(kept)) || any;
        }
        return any;
    }

    const Sources& from_;
    const Transformed& transformed_;
    const std::function<bool(const Texts&)>& fails_;
    Kept kept_;
    size_t tries_ = 0;
};

} // namespace

std::string text_of(const Transformed& transformed) {
    std::string text;
    for (const std::string& comment : transformed.head) append(text, comment);
    for (const Piece& piece : transformed.pieces) append(text, piece.text);
    if (transformed.ends_within_line) text.pop_back();
    return text;
}

Texts texts_of(const Sources& from, const Transformed& transformed) {
    return texts_of(from, transformed, all_of(from));
}

Texts reduce(const Sources& from, const Transformed& transformed,
             const std::function<bool(const Texts&)>& fails) {
    return Reducer(from, transformed, fails).run();
}

} // namespace lapicheck::metamorphic
